using Tempo.Host.Receivers;
using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>
/// What the collector's <c>confighttp</c> and <c>configgrpc</c> say of a receiver's server, beside address, size, TLS and CORS.
/// </summary>
internal static class ReceiverServerKeys
{
    private const string Extensions = "extensions of a collector are not available";
    private const string Buffers = "buffers have a fixed size, which is large";
    private const string Rates = "a body or an answer that does not go on ends its connection by itself";
    private static readonly TimeSpan OneYear = TimeSpan.FromDays(365);

    public static ConfigKey[] Grpc(ReceiverKeys.Slot slot) =>
    [
        Transport(slot),
        Number(slot, "max_concurrent_streams", static (s, v) => s.MaxConcurrentStreams = v, static s => s.MaxConcurrentStreams),
        Time(slot, "keepalive.server_parameters.max_connection_idle", static (s, v) => s.IdleTimeout = v, static s => s.IdleTimeout),
        Time(slot, "keepalive.server_parameters.max_connection_age", static (s, v) => s.MaxConnectionAge = v,
            static s => s.MaxConnectionAge),
        Time(slot, "keepalive.server_parameters.time", static (s, v) => s.PingAfter = v, static s => s.PingAfter),
        Time(slot, "keepalive.server_parameters.timeout", static (s, v) => s.PingTimeout = v, static s => s.PingTimeout),
        WithoutEffect(slot, "keepalive.server_parameters.max_connection_age_grace", "calls under way always finish"),
        WithoutEffect(
            slot, "keepalive.enforcement_policy", "pings are answered whenever they come, and a flood of them ends its connection"),
        WithoutEffect(slot, "read_buffer_size", Buffers),
        WithoutEffect(slot, "write_buffer_size", Buffers),
        .. Common(slot),
    ];

    public static ConfigKey[] Http(ReceiverKeys.Slot slot) =>
    [
        Transport(slot),
        Time(slot, "idle_timeout", static (s, v) => s.IdleTimeout = v, static s => s.IdleTimeout),
        Time(slot, "read_header_timeout", static (s, v) => s.ReadHeaderTimeout = v, static s => s.ReadHeaderTimeout),
        WithoutEffect(slot, "read_timeout", Rates),
        WithoutEffect(slot, "write_timeout", Rates),
        Bool($"{slot.Path}.keep_alives_enabled", (o, v) => slot.Of(o).Server.AreConnectionsKept = v, static _ => true) with
        {
            Render = o => slot.Find(o) is { Server.AreConnectionsKept: false } ? "false" : null,
        },
        ResponseHeaders(slot),
        ContentEncodings(slot),
        .. Common(slot),
    ];

    /// <summary>Of OTLP/HTTP alone.</summary>
    public static ConfigScalar TracesPath(ReceiverKeys.Slot slot) => new(
        $"{slot.Path}.traces_url_path",
        (o, text) =>
        {
            if (text.Length == 0 || text.AsSpan().ContainsAny('?', '#')) return $"{GoText.Quote(text)} is not the path of a URL";
            slot.Of(o).Server.TracesPath = text[0] == '/' ? text : "/" + text;
            return null;
        },
        o => slot.Find(o)?.Server.TracesPath is { } path and not ReceiverServerOptions.DefaultTracesPath ? QuoteYaml(path) : null);

    private static ConfigKey[] Common(ReceiverKeys.Slot slot) =>
    [
        WithoutEffect(slot, "include_metadata", "of metadata only the tenant is looked at"),
        WithoutEffect(slot, "dialer", "of clients"),

        // Neither may be passed over: they decide who may send, and what.
        new ConfigRefused($"{slot.Path}.auth", Extensions),
        new ConfigRefused($"{slot.Path}.middlewares", Extensions),
    ];

    private static ConfigScalar Transport(ReceiverKeys.Slot slot) => new(
        $"{slot.Path}.transport", static (_, text) =>
            text is "" or "tcp" or "tcp4" or "tcp6" ? null : $"{GoText.Quote(text)} is not available, tcp is", static _ => null);

    private static ConfigWithoutEffect WithoutEffect(ReceiverKeys.Slot slot, string name, string reason) =>
        new($"{slot.Path}.{name}", reason);

    private static ConfigScalar Time(
        ReceiverKeys.Slot slot, string name, Action<ReceiverServerOptions, TimeSpan> set, Func<ReceiverServerOptions, TimeSpan> get) =>
            Duration($"{slot.Path}.{name}", OneYear, (o, v) => set(slot.Of(o).Server, v), static _ => default) with
            {
                Render = o => slot.Find(o)?.Server is { } server && get(server) > TimeSpan.Zero ? GoDuration.Format(get(server)) : null,
            };

    private static ConfigScalar Number(
        ReceiverKeys.Slot slot, string name, Action<ReceiverServerOptions, int> set, Func<ReceiverServerOptions, int> get) =>
            Int($"{slot.Path}.{name}", 0, int.MaxValue, (o, v) => set(slot.Of(o).Server, v),
                o => slot.Find(o)?.Server is { } server && get(server) > 0 ? get(server) : null);

    private static ConfigStructure ResponseHeaders(ReceiverKeys.Slot slot) => new(
        $"{slot.Path}.response_headers",
        (o, node) =>
        {
            if (LimitStructures.ReadMap(node, out var headers) is { } error) return error;
            foreach (var (name, value) in headers)
                if (!IsToken(name) || value.AsSpan().ContainsAny('\r', '\n', '\0'))
                    return $"{GoText.Quote(name)}: {GoText.Quote(value)} cannot stand in the head of an answer";
            slot.Of(o).Server.ResponseHeaders = new Dictionary<string, string>(headers, StringComparer.OrdinalIgnoreCase);
            return null;
        },
        o => slot.Find(o)?.Server.ResponseHeaders is { Count: > 0 } headers
            ? $"{{{string.Join(", ", headers.Select(static h => $"{GoText.Quote(h.Key)}: {GoText.Quote(h.Value)}"))}}}"
            : null);

    private static ConfigStructure ContentEncodings(ReceiverKeys.Slot slot) => new(
        $"{slot.Path}.compression_algorithms",
        (o, node) =>
        {
            if (LimitStructures.ReadTexts(node, out var names) is { } error) return error;
            var known = BodyDecompressor.Supported.Split(", ");
            foreach (var name in names)
                if (name.Length > 0 && !known.Contains(name))
                    return $"{GoText.Quote(name)} is not available; {BodyDecompressor.Supported} are";
            slot.Of(o).Server.ContentEncodings = names;
            return null;
        },
        o => slot.Find(o)?.Server.ContentEncodings is { } names ? $"[{string.Join(", ", names.Select(GoText.Quote))}]" : null);

    private static bool IsToken(string name) =>
        name.Length > 0 && name.All(static c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal));
}
