// Starts one OpenSearch node on 127.0.0.1 from the published artifacts, for development and tests.
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;

public final class Launcher {
    private static final String NODE_NAME = "aiops-dev";

    private Launcher() {}

    /** A node whose plugins are on the class path. */
    private static final class ClassPathNode extends Node {
        ClassPathNode(Environment environment, Collection<Class<? extends Plugin>> plugins) {
            super(environment, plugins, false);
        }
    }

    /** Arguments: home folder (jars), state folder (config, data, logs), HTTP port. */
    public static void main(String[] args) throws Exception {
        if (args.length != 3) {
            System.err.println("usage: Launcher HOME STATE HTTP_PORT");
            System.exit(2);
        }
        Path state = Path.of(args[1]);
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
            settings(Path.of(args[0]), state, args[2]), Map.of(), state.resolve("config"), () -> NODE_NAME);
        Node node = new ClassPathNode(environment, List.of(Netty4Plugin.class));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(node), "stop-node"));
        node.start();
        Thread.currentThread().join();
    }

    private static Settings settings(Path home, Path state, String port) {
        return Settings.builder()
            .put("path.home", home.toString())
            .put("path.data", state.resolve("data").toString())
            .put("path.logs", state.resolve("logs").toString())
            .put("cluster.name", NODE_NAME)
            .put("node.name", NODE_NAME)
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.port", port)
            .put("transport.port", "0")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
    }

    private static void stop(Node node) {
        try {
            node.close();
            if (!node.awaitClose(20, TimeUnit.SECONDS)) {
                System.err.println("the node did not close within 20 s");
            }
        } catch (Exception e) {
            System.err.println("closing the node failed: " + e);
        }
    }
}
