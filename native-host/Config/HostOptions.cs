using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;

namespace Tempo.Host.Config;

/// <summary>
/// What the process runs with: the built-in defaults, changed by the file, changed by the flags. <see cref="ConfigSchema"/>
/// names the key of each.
/// </summary>
public sealed class HostOptions
{
    public string Target { get; set; } = "all";
    public bool MultitenancyEnabled { get; set; }
    public string HttpApiPrefix { get; set; } = "";

    /// <summary>Waited after a stop signal with /ready at 503, before the listeners close.</summary>
    public TimeSpan ShutdownDelay { get; set; }

    /// <summary>
    /// How long requests in flight may take to finish at a stop. Tempo's default is 30 s; here an acknowledged request is on
    /// disk already, so a short one loses nothing.
    /// </summary>
    public TimeSpan GracefulShutdownTimeout { get; set; } = TimeSpan.FromSeconds(5);

    public LogLevel LogLevel { get; set; } = LogLevel.Info;
    public LogFormat LogFormat { get; set; } = LogFormat.Logfmt;

    /// <summary>Empty: every address, as Tempo does; a query API on the loopback alone is of no use to a Grafana elsewhere.</summary>
    public string HttpListenAddress { get; set; } = "";
    public int HttpListenPort { get; set; } = 3200;

    /// <summary>Null: not started. With no configuration file both OTLP receivers listen on the loopback.</summary>
    public ReceiverOptions? OtlpGrpc { get; set; } = new() { Listen = ReceiverOptions.DefaultGrpc };
    public ReceiverOptions? OtlpHttp { get; set; } = new() { Listen = ReceiverOptions.DefaultHttp };

    /// <summary>Sent as Retry-After and RetryInfo to a tenant over its rate.</summary>
    public TimeSpan RetryAfterOnResourceExhausted { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>local, s3, azure or gcs.</summary>
    public string StorageBackend { get; set; } = "local";
    public RemoteStorage Remote { get; set; } = new();
    public S3Options S3 { get; set; } = new() { Bucket = "" };
    public AzureOptions Azure { get; set; } = new() { Container = "", AccountName = "" };
    public GcsOptions Gcs { get; set; } = new() { Bucket = "" };

    public SearchLimits Search { get; } = new();

    public ApiOptions Api { get; } = new();

    /// <summary>Handed to the node.</summary>
    public NodeOptions Node { get; set; } = new();
}

/// <summary>One OTLP receiver.</summary>
public sealed class ReceiverOptions
{
    /// <summary>The collector's defaults, which Tempo takes over: the loopback only.</summary>
    public static readonly ListenAddress DefaultGrpc = new("localhost", 4317);
    public static readonly ListenAddress DefaultHttp = new("localhost", 4318);

    public required ListenAddress Listen { get; set; }

    /// <summary>Largest request after decompression, in bytes. 64 MiB is OTLP's own recommendation.</summary>
    public int MaxRequestBytes { get; set; } = 64 << 20;
}

/// <summary>Limits of the search API.</summary>
public sealed class SearchLimits
{
    public int DefaultLimit { get; set; } = 20;

    /// <summary>0 = no limit.</summary>
    public int MaxLimit { get; set; } = 262_144;
    public int DefaultSpansPerSpanSet { get; set; } = 3;
    public int MaxSpansPerSpanSet { get; set; } = 100;

    /// <summary>Longest range between start and end; 0 = no limit.</summary>
    public TimeSpan MaxDuration { get; set; } = TimeSpan.FromHours(168);

    /// <summary>Range of a search that names none.</summary>
    public TimeSpan DefaultDuration { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Longest query text, in UTF-8 bytes.</summary>
    public int MaxQueryBytes { get; set; } = 131_072;
}
