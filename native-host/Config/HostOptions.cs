using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Forwarding;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.Node.SpanCounts;
using Tempo.Engine.Node.SpanLogs;
using Tempo.Engine.Node.Usage;
using Tempo.Engine.ObjectStore;
using Tempo.Host.Authentication;

namespace Tempo.Host.Config;

/// <summary>
/// What the process runs with: the built-in defaults, changed by the file, changed by the flags. <see cref="ConfigSchema"/>
/// names the key of each.
/// </summary>
public sealed class HostOptions
{
    public string Target { get; set; } = "all";
    public bool MultitenancyEnabled { get; set; }

    /// <summary>In front of the paths that begin with /api/.</summary>
    public string HttpApiPrefix { get; set; } = "";

    /// <summary>In front of every path of the HTTP port, before <see cref="HttpApiPrefix"/>.</summary>
    public string HttpPathPrefix { get; set; } = "";

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

    public ReceiverSet Receivers { get; } = new();

    /// <summary>TLS of the HTTP API and of the gRPC port; null: without.</summary>
    public TlsOptions? HttpTls { get; set; }
    public TlsOptions? GrpcTls { get; set; }

    /// <summary>Versions and cipher suites of both.</summary>
    public TlsOptions ServerTls { get; } = new();

    /// <summary>Limits of tenants that have none of their own. A record being read from the overrides file, too.</summary>
    public TenantLimits Limits { get; set; } = TenantLimits.BuiltIn;

    /// <summary>
    /// Section <c>metrics_generator.processor</c>, which has the keys that tenants have: only
    /// <see cref="TenantLimits.MetricsGenerator"/> is used.
    /// </summary>
    public TenantLimits GeneratorProcessors { get; set; } = new();

    /// <summary>Keys within lists that were read and have no effect, with line and reason.</summary>
    internal List<string> Notes { get; } = [];

    /// <summary>The overrides file; empty: none.</summary>
    public string OverridesFile { get; set; } = "";

    /// <summary>Time between two looks at the overrides file.</summary>
    public TimeSpan OverridesPeriod { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Take the flat keys of 2.x.</summary>
    public bool AreLegacyOverridesEnabled { get; set; }

    /// <summary>Expand ${…} in the configuration, and in the overrides file.</summary>
    public bool ExpandEnvironment { get; set; }

    public UserOverridesOptions UserOverrides { get; } = new();

    /// <summary>local, s3, azure or gcs.</summary>
    public string StorageBackend { get; set; } = "local";
    public RemoteStorage Remote { get; set; } = new();
    public S3Options S3 { get; set; } = new() { Bucket = "" };
    public AzureOptions Azure { get; set; } = new() { Container = "", AccountName = "" };
    public GcsOptions Gcs { get; set; } = new() { Bucket = "" };

    public SearchLimits Search { get; } = new();

    public RingConfig Ring { get; } = new();

    public ApiOptions Api { get; } = new();

    /// <summary>Servers to which tenants may have their spans sent on.</summary>
    public IReadOnlyList<ForwarderOptions> Forwarders { get; set; } = [];

    /// <summary>Section <c>distributor.usage.cost_attribution</c>.</summary>
    public UsageOptions Usage { get; set; } = new();

    /// <summary>Section <c>distributor.log_received_spans</c>.</summary>
    public SpanLogOptions ReceivedSpans { get; set; } = new();

    /// <summary>Section <c>distributor.log_discarded_spans</c>.</summary>
    public SpanLogOptions DiscardedSpans { get; set; } = new();

    /// <summary>Section <c>distributor.metric_received_spans</c>.</summary>
    public SpanCountOptions CountedSpans { get; set; } = new();

    public AuthenticationOptions Authentication { get; } = new();

    /// <summary>Handed to the node.</summary>
    public NodeOptions Node { get; set; } = new();
}

/// <summary>Limits that tenants set themselves through the API.</summary>
public sealed class UserOverridesOptions
{
    public bool IsEnabled { get; set; }
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromMinutes(1);
    public string Backend { get; set; } = "local";

    /// <summary>A tenant may not set through the API what the overrides file sets for it.</summary>
    public bool ChecksConflicts { get; set; }

    /// <summary>Folder with &lt;tenant&gt;/overrides.json; empty: "overrides" beside the folder of the blocks.</summary>
    public string Path { get; set; } = "";
}

/// <summary>Limits of the search API.</summary>
public sealed record SearchLimits
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

    /// <summary>
    /// The newest part of a range that is left out: Tempo's <c>query_end_cutoff</c>, which is 0 here, because a span can be
    /// found the moment it is acknowledged.
    /// </summary>
    public TimeSpan QueryEndCutoff { get; set; }

    /// <summary>Longest query text, in UTF-8 bytes.</summary>
    public int MaxQueryBytes { get; set; } = 131_072;
}
