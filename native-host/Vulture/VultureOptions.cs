using Tempo.Host.Cli.Tool;
using Tempo.Host.Config;

namespace Tempo.Host.Vulture;

/// <summary>What <c>tempo vulture</c> is asked to do.</summary>
/// <param name="Push">Base address of the OTLP/HTTP receiver.</param>
/// <param name="Query">Base address of the query API.</param>
/// <param name="Ledger">File; empty for none.</param>
/// <param name="Listen">Port of its own /metrics on all addresses; 0 for none.</param>
/// <param name="WriteInterval">Between two traces.</param>
/// <param name="ReadInterval">Between two checks.</param>
/// <param name="ReadAfter">Age at which a trace must be found: none with this server, some seconds with those that answer late.</param>
/// <param name="Retention">Age at which nobody is held to it any more.</param>
/// <param name="Length">How long; zero: until a signal.</param>
internal sealed record VultureOptions(
    Uri Push, Uri Query, string Tenant, string Ledger, int Listen, TimeSpan WriteInterval, TimeSpan ReadInterval, TimeSpan ReadAfter,
    TimeSpan Retention, TimeSpan Length)
{
    public const string Usage = """
        Verb against a running server, of this kind or another:
          tempo vulture [--push http://localhost:4318] [--query http://localhost:3200] [--tenant …] [--ledger file] [--listen port]
                        [--write-interval 1s] [--read-interval 1s] [--read-after 0s] [--retention 1h] [--for 0s]
                sends traces and holds the server to what it acknowledged: by id, by search and in metrics, whole and once; for ever or
                for the time given; exit code 1 if anything was wrong, or nothing acknowledged

        """;

    private static readonly string[] Names =
        ["push", "query", "tenant", "ledger", "listen", "write-interval", "read-interval", "read-after", "retention", "for"];

    public static bool TryParse(ReadOnlySpan<string> arguments, out VultureOptions options, out string error)
    {
        options = null!;
        if (!ToolArguments.TryParse(arguments, Names, out var parsed, out error)) return false;
        if (parsed.Names.Count > 0) return Fail($"unexpected argument {parsed.Names[0]}", out error);
        if (!TryAddress(parsed, "push", "http://localhost:4318", out var push, out error)
            || !TryAddress(parsed, "query", "http://localhost:3200", out var query, out error))
            return false;
        if (!ushort.TryParse(parsed.Option("listen", "0"), out var port)) return Fail("--listen: a port is expected", out error);
        if (!TryDuration(parsed, "write-interval", "1s", out var write, out error)
            || !TryDuration(parsed, "read-interval", "1s", out var read, out error)
            || !TryDuration(parsed, "read-after", "0s", out var after, out error)
            || !TryDuration(parsed, "retention", "1h", out var retention, out error)
            || !TryDuration(parsed, "for", "0s", out var length, out error))
            return false;
        options =
            new VultureOptions(push, query, parsed.Option("tenant"), parsed.Option("ledger"), port, write, read, after, retention, length);
        return true;
    }

    private static bool TryAddress(ToolArguments parsed, string name, string otherwise, out Uri address, out string error)
    {
        error = "";
        return Uri.TryCreate(parsed.Option(name, otherwise), UriKind.Absolute, out address!) && address.Scheme is "http" or "https"
            || Fail($"--{name}: an http:// or https:// address is expected", out error);
    }

    private static bool TryDuration(ToolArguments parsed, string name, string otherwise, out TimeSpan duration, out string error)
    {
        var isSound = GoDuration.TryParse(parsed.Option(name, otherwise), out var nanoseconds, out error) && nanoseconds >= 0;
        duration = TimeSpan.FromTicks(nanoseconds / TimeSpan.NanosecondsPerTick);
        return isSound || Fail($"--{name}: {(error.Length > 0 ? error : "must not be negative")}", out error);
    }

    private static bool Fail(string text, out string error)
    {
        error = text;
        return false;
    }
}
