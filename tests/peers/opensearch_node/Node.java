import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.plugins.Plugin;

/** An OpenSearch node in this process: Node.java HOME CONFIG. */
public class Node {
  /** The constructor with plugins from the class path is for subclasses. */
  static class Embedded extends org.opensearch.node.Node {
    Embedded(Environment environment, Collection<Class<? extends Plugin>> plugins) {
      super(environment, plugins, false);
    }
  }

  public static void main(String[] arguments) throws Exception {
    Settings settings = Settings.builder().put("path.home", arguments[0]).put("transport.type", "netty4").put("http.type", "netty4").build();
    Environment environment =
        InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), Path.of(arguments[1]), () -> "one");
    org.opensearch.common.logging.LogConfigurator.configure(environment);
    Embedded node = new Embedded(environment, List.of(org.opensearch.transport.Netty4Plugin.class,
        org.opensearch.analysis.common.CommonAnalysisPlugin.class));
    node.start();
    CountDownLatch end = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        node.close();
      } catch (Exception ignored) {
      }
      end.countDown();
    }));
    end.await();
  }
}
