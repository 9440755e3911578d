using System.Text;
using Tempo.Host.Config;

namespace Tempo.Host.Cli;

/// <summary>One flag.</summary>
/// <param name="Name">Without dashes.</param>
/// <param name="Help">One line for <c>-help</c>.</param>
/// <param name="Key">The configuration key it sets, if it does.</param>
/// <param name="IsSwitch">Stands for <c>=true</c> when no value follows.</param>
public sealed record CliFlag(string Name, string Help, ConfigScalar? Key = null, bool IsSwitch = false);

/// <summary>All flags: Tempo's names, and three of ours.</summary>
public static class CliFlags
{
    private static readonly CliFlag[] All =
    [
        new("config.file", "Configuration file to load (YAML, Tempo's keys)."),
        new("config.expand-env", "Expand ${NAME} and ${NAME:-default} in the configuration file.", IsSwitch: true),
        new("config.verify", "Check the configuration and end: 0 clean, 1 with errors or warnings.", IsSwitch: true),
        new("version", "Print the version and how this binary was compiled.", IsSwitch: true),
        new("help", "Print this text.", IsSwitch: true),
        new("h", "Print this text.", IsSwitch: true),
        new("health", "Ask a running process whether it is ready: 0 yes, 1 no.", IsSwitch: true),
        new("health.url", "What -health asks (default http://localhost:3200/ready)."),
        Setting("target", "Module to run: all.", "target"),
        Setting("multitenancy.enabled", "Require and use the X-Scope-OrgID header.", "multitenancy_enabled", isSwitch: true),
        Setting("auth.enabled", "Old name of -multitenancy.enabled.", "auth_enabled", isSwitch: true),
        Setting("http-api-prefix", "Prefix of all /api paths.", "http_api_prefix"),
        Setting("server.path-prefix", "Prefix of every path of the HTTP API.", "server.http_path_prefix"),
        Setting("shutdown-delay", "Wait between a stop signal and closing the listeners.", "shutdown_delay"),
        Setting("server.http-listen-address", "Address of the HTTP API (default: every address).", "server.http_listen_address"),
        Setting("server.http-listen-port", "Port of the HTTP API (default 3200).", "server.http_listen_port"),
        Setting("server.grpc-listen-port", "Port of the gRPC query API (default 9095).", "server.grpc_listen_port"),
        Setting("server.graceful-shutdown-timeout", "Time for requests in flight at a stop (default 5s).",
            "server.graceful_shutdown_timeout"),
        Setting("log.level", "debug, info, warn or error.", "server.log_level"),
        Setting("log.format", "logfmt or json.", "server.log_format"),
        Setting("storage.trace.backend", "Where blocks are kept: local.", "storage.trace.backend"),
        Setting("storage.trace.wal.path", "Folder of the write-ahead log (default tempo-data/wal).", "storage.trace.wal.path"),
        Setting("storage.trace.local.path", "Folder of the blocks (default tempo-data/blocks).", "storage.trace.local.path"),
        Setting("wal.sync", "Ours. Acknowledge after: group (fdatasync, many requests to one) or os (write).", "wal.sync"),
        Setting("distributor.otlp.grpc-endpoint", "Ours. Address of the OTLP/gRPC receiver (default localhost:4317).",
            "distributor.receivers.otlp.protocols.grpc.endpoint"),
        Setting("distributor.otlp.http-endpoint", "Ours. Address of the OTLP/HTTP receiver (default localhost:4318).",
            "distributor.receivers.otlp.protocols.http.endpoint"),
        new("storage.path", "Ours. Folder that holds the write-ahead log and the blocks (default tempo-data).", StoragePath()),
        new("failpoints.enabled", "Ours, for tests only. Let TEMPO_FAILPOINT end the process at a named point (tempo failpoints lists them).", IsSwitch: true),
        new("enable-go-runtime-metrics", "No effect: there is no Go runtime.", IsSwitch: true),
    ];

    /// <summary>The flag of this name, or null.</summary>
    public static CliFlag? Find(string name) => Array.Find(All, flag => flag.Name == name);

    /// <summary>The text of <c>-help</c>.</summary>
    public static string Usage()
    {
        var text = new StringBuilder("Usage of tempo:\n");
        foreach (var flag in All) text.Append("  -").Append(flag.Name).Append("\n        ").Append(flag.Help).Append('\n');
        return text.ToString();
    }

    private static CliFlag Setting(string name, string help, string path, bool isSwitch = false) =>
        new(name, help, (ConfigScalar)ConfigSchema.Find(path)!, isSwitch);

    private static ConfigScalar StoragePath() => ConfigScalar.Text(
        "storage.path",
        (o, folder) => o.Node = o.Node with { WalPath = Path.Combine(folder, "wal"), BlocksPath = Path.Combine(folder, "blocks") },
        o => o.Node.BlocksPath);
}
