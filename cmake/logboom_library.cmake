# One place that says how this tree is compiled. Everything links logboom_build_rules.
add_library(logboom_build_rules INTERFACE)
target_include_directories(logboom_build_rules INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(logboom_build_rules INTERFACE -Wall -Wextra -Werror -Wnon-virtual-dtor -Woverloaded-virtual
                       -Wno-missing-field-initializers $<$<CXX_COMPILER_ID:GNU>:-fno-strict-overflow -Wno-dangling-pointer>)
if(LOGBOOM_SANITIZE)
  # Coroutine frames trip clang's function sanitizer (seen with clang 14), hence its exclusion. Instrumented code makes gcc 12
  # believe that members of std::function are read uninitialised (in the standard library's <regex>, for one).
  target_compile_options(logboom_build_rules INTERFACE -fsanitize=${LOGBOOM_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=undefined $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>
                         $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(logboom_build_rules INTERFACE -fsanitize=${LOGBOOM_SANITIZE})
endif()

# logboom_library(NAME base SRCS log.cc DEPS logboom::event PUBLIC_LINKS fmt::fmt PRIVATE_LINKS spdlog::spdlog)
# makes the static library logboom_base with the alias logboom::base.
function(logboom_library)
  cmake_parse_arguments(LIB "" "NAME" "SRCS;DEPS;PUBLIC_LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(logboom_${LIB_NAME} STATIC ${LIB_SRCS})
  add_library(logboom::${LIB_NAME} ALIAS logboom_${LIB_NAME})
  target_link_libraries(logboom_${LIB_NAME} PUBLIC logboom_build_rules ${LIB_DEPS} ${LIB_PUBLIC_LINKS} PRIVATE ${LIB_PRIVATE_LINKS})
endfunction()
