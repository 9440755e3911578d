using System.Globalization;

namespace Tempo.Perf.Load.Traffic;

/// <summary>One service of the demo shop: what its resource says, and which instrumentation libraries its spans come from.</summary>
internal sealed record Service(string Name, Sdk Sdk, int Port, int InstanceCount)
{
    /// <summary>A number that tells the service's pods from those of others.</summary>
    public required int Index { get; init; }

    /// <summary>The pod address of one of the service's instances.</summary>
    public string Address(int instance) => AttributeWriter.PodAddress(Index * 8 + instance);

    /// <summary>Writes the resource of <paramref name="instance"/>: about 16 attributes.</summary>
    public void WriteResource(AttributeWriter attributes, int instance)
    {
        // Everything a pod keeps for life is derived from its number, so that all templates agree about it.
        var pod = new Xoshiro256((ulong)(Index * 1000 + instance + 1));
        string podSuffix =
            string.Create(CultureInfo.InvariantCulture, $"{(uint)Index * 2654435761 % 0xFFFFFFFF:x8}-{pod.Below(0xFFFFF):x5}");
        int node = (Index + instance) % 3;

        attributes.Text("service.name", Name);
        attributes.Text("service.namespace", "opentelemetry-demo");
        attributes.Text("service.version", "2.1.3");
        attributes.Text("service.instance.id", string.Create(CultureInfo.InvariantCulture,
            $"{pod.Next() >> 32:x8}-{pod.Next() >> 48:x4}-4{pod.Next() >> 52:x3}-a{pod.Next() >> 52:x3}-{pod.Next() >> 16:x12}"));
        attributes.Text("telemetry.sdk.name", "opentelemetry");
        attributes.Text("telemetry.sdk.language", Sdk.Language);
        attributes.Text("telemetry.sdk.version", Sdk.Version);
        attributes.Text("host.name", $"{Name}-{podSuffix}");
        attributes.Text("host.arch", "amd64");
        attributes.Text("os.type", "linux");
        attributes.Text("k8s.namespace.name", "otel-demo");
        attributes.Text("k8s.deployment.name", Name);
        attributes.Text("k8s.pod.name", $"{Name}-{podSuffix}");
        attributes.Text("k8s.pod.ip", Address(instance));
        attributes.Text("k8s.node.name", string.Create(CultureInfo.InvariantCulture, $"gke-demo-pool-{node:x4}"));
        attributes.Number("process.pid", 1 + pod.Below(40));
        if (Sdk.Runtime is not null)
        {
            attributes.Text("process.runtime.name", Sdk.Runtime);
            attributes.Text("process.runtime.version", Sdk.RuntimeVersion!);
        }
    }
}

/// <summary>An OpenTelemetry SDK and the instrumentation scopes it names.</summary>
internal sealed record Sdk(
    string Language, string Version, string? Runtime, string? RuntimeVersion,
    string HttpScope, string RpcScope, string DatabaseScope, string MessagingScope, string ScopeVersion)
{
    public static readonly Sdk Go = new("go", "1.37.0", "go", "go1.24.5",
        "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
        "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc",
        "github.com/XSAM/otelsql", "github.com/IBM/sarama/otelsarama", "0.62.0");

    public static readonly Sdk NodeJs = new("nodejs", "2.0.1", "nodejs", "22.17.1",
        "@opentelemetry/instrumentation-http", "@opentelemetry/instrumentation-grpc",
        "@opentelemetry/instrumentation-pg", "@opentelemetry/instrumentation-kafkajs", "0.203.0");

    public static readonly Sdk Java = new("java", "1.52.0", "OpenJDK Runtime Environment", "21.0.8+9-LTS",
        "io.opentelemetry.http-url-connection", "io.opentelemetry.grpc-1.6",
        "io.opentelemetry.jdbc", "io.opentelemetry.kafka-clients-0.11", "2.18.1-alpha");

    public static readonly Sdk Python = new("python", "1.36.0", "cpython", "3.12.11",
        "opentelemetry.instrumentation.requests", "opentelemetry.instrumentation.grpc",
        "opentelemetry.instrumentation.psycopg2", "opentelemetry.instrumentation.kafka", "0.57b0");

    public static readonly Sdk DotNet = new("dotnet", "1.12.0", ".NET", "8.0.18",
        "Microsoft.AspNetCore", "OpenTelemetry.Instrumentation.GrpcNetClient",
        "OpenTelemetry.Instrumentation.StackExchangeRedis", "Confluent.Kafka", "1.12.0");

    public static readonly Sdk Php = new("php", "1.7.0", "cli", "8.3.23",
        "io.opentelemetry.contrib.php.slim", "io.opentelemetry.contrib.php.grpc",
        "io.opentelemetry.contrib.php.pdo", "io.opentelemetry.contrib.php.kafka", "1.3.0");

    public static readonly Sdk Rust = new("rust", "0.30.0", null, null,
        "opentelemetry-instrumentation-actix-web", "tonic-tracing-opentelemetry",
        "opentelemetry-sqlx", "opentelemetry-rdkafka", "0.22.0");

    public static readonly Sdk Cpp = new("cpp", "1.22.0", null, null, "envoy", "currency", "redis-plus-plus", "librdkafka", "1.34.1");
}
