# Writes a C++ source that holds the texts of the bundled grok patterns.
# cmake -DSOURCE_DIR=grok-patterns -DOUTPUT=bundled_patterns.cc -P embed_patterns.cmake
set(code "// Generated from grok-patterns/ by pipeline/text/embed_patterns.cmake.\n#include \"pipeline/text/bundled_patterns.h\"\n\n")
string(APPEND code "#include <array>\n\nnamespace logboom {\nnamespace {\n\n")
foreach(set legacy ecs-v1)
  string(MAKE_C_IDENTIFIER "files_${set}" table)
  file(GLOB files ${SOURCE_DIR}/${set}/*)
  list(SORT files)
  list(LENGTH files count)
  string(APPEND code "const std::array<BundledPatternFile, ${count}> ${table} = {{\n")
  foreach(file ${files})
    get_filename_component(name ${file} NAME)
    file(READ ${file} text)
    string(APPEND code "{\"${set}/${name}\", R\"grokpattern(${text})grokpattern\"},\n")
  endforeach()
  string(APPEND code "}};\n\n")
endforeach()
string(APPEND code "}  // namespace\n\nBundledPatternFiles bundled_pattern_files(PatternSet set) {\n"
  "  if (set == PatternSet::Legacy) return {files_legacy.data(), files_legacy.size()};\n"
  "  return {files_ecs_v1.data(), files_ecs_v1.size()};\n}\n\n}  // namespace logboom\n")
file(WRITE ${OUTPUT} "${code}")
