using Tempo.Engine.Node;
using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>
/// Section <c>distributor.receivers</c>, in the syntax of the OpenTelemetry Collector. A receiver is started if its key is there,
/// even with nothing behind it: it has its defaults then.
/// </summary>
internal static class ReceiverKeys
{
    public const string Section = "distributor.receivers";

    private const string OfClients = "it is of clients; the certificates of clients are verified by client_ca_file";
    private const string NotYet = "not available in this version";
    private static readonly TimeSpan OneYear = TimeSpan.FromDays(365);

    /// <summary>Types a receiver may have.</summary>
    public static readonly string[] Types = ["zipkin", "otlp", "kafka", "jaeger"];

    /// <summary>Where a receiver is configured, what it is for, and what stands for it in the options.</summary>
    internal sealed record Slot(
        string Path, ListenAddress Default, Func<ReceiverSet, ReceiverOptions?> Get, Action<ReceiverSet, ReceiverOptions> Set)
    {
        public ReceiverOptions Of(HostOptions options)
        {
            if (Get(options.Receivers) is { } present) return present;
            var made = new ReceiverOptions { Listen = Default };
            Set(options.Receivers, made);
            return made;
        }

        public ReceiverOptions? Find(HostOptions options) => Get(options.Receivers);
    }

    private static readonly Slot OtlpGrpc =
        new(Section + ".otlp.protocols.grpc", ReceiverOptions.DefaultGrpc, static r => r.OtlpGrpc, static (r, o) => r.OtlpGrpc = o);
    private static readonly Slot OtlpHttp =
        new(Section + ".otlp.protocols.http", ReceiverOptions.DefaultHttp, static r => r.OtlpHttp, static (r, o) => r.OtlpHttp = o);
    private static readonly Slot Zipkin =
        new(Section + ".zipkin", new ListenAddress("localhost", 9411), static r => r.Zipkin, static (r, o) => r.Zipkin = o);
    private static readonly Slot JaegerGrpc = new(Section + ".jaeger.protocols.grpc", new ListenAddress("localhost", 14250),
        static r => r.JaegerGrpc, static (r, o) => r.JaegerGrpc = o);
    private static readonly Slot JaegerHttp = new(Section + ".jaeger.protocols.thrift_http", new ListenAddress("localhost", 14268),
        static r => r.JaegerHttp, static (r, o) => r.JaegerHttp = o);
    private static readonly Slot JaegerCompact = new(Section + ".jaeger.protocols.thrift_compact", new ListenAddress("localhost", 6831),
        static r => r.JaegerCompact, static (r, o) => r.JaegerCompact = o);
    private static readonly Slot JaegerBinary = new(Section + ".jaeger.protocols.thrift_binary", new ListenAddress("localhost", 6832),
        static r => r.JaegerBinary, static (r, o) => r.JaegerBinary = o);

    public static IEnumerable<ConfigKey> All =>
    [
        new ConfigSection(Section, static o => o.Receivers.Clear()),
        .. Grpc(OtlpGrpc),
        .. Http(OtlpHttp),
        ReceiverServerKeys.TracesPath(OtlpHttp),
        new ConfigWithoutEffect(OtlpHttp.Path + ".metrics_url_path", "traces are received"),
        new ConfigWithoutEffect(OtlpHttp.Path + ".logs_url_path", "traces are received"),
        .. Http(Zipkin),
        Bool(Zipkin.Path + ".parse_string_tags", static (o, v) => Zipkin.Of(o).ParsesTags = v,
            static _ => false) with { Render = static o => Zipkin.Find(o) is { ParsesTags: true } ? "true" : null },
        .. Grpc(JaegerGrpc),
        .. Http(JaegerHttp),
        .. Udp(JaegerCompact),
        .. Udp(JaegerBinary),
        new ConfigWithoutEffect(Section + ".jaeger.remote_sampling", NotYet),

        // Not a warning: spans would wait in a queue that nobody reads.
        new ConfigRefused(Section + ".kafka", "there is no Kafka receiver in this version: let a collector read the queue and send OTLP")
        { IsAskedForByName = true },
        new ConfigWithoutEffect(Section + ".opencensus", NotYet),
    ];

    /// <summary>
    /// The name of a receiver, such as <c>otlp/second</c>, without what follows the type; null and an error if it is no type of
    /// ours, or there is one of that type already.
    /// </summary>
    public static string? TypeOf(string name, ISet<string> seen, out string error)
    {
        error = "";
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var type = slash < 0 ? name : name[..slash];
        if (!Types.Contains(type) && type != "opencensus")
            error = $"'receivers' unknown type: {GoText.Quote(type)} for id: {GoText.Quote(name)} (valid values: [{string.Join(' ', Types)}])";
        else if (!seen.Add(type))
            error = $"a second receiver of type {type}: one of each is {NotYet.Replace("not ", "", StringComparison.Ordinal)}";
        return error.Length == 0 ? type : null;
    }

    private static ConfigKey[] Grpc(Slot slot) =>
    [
        new ConfigSection(slot.Path, o => slot.Of(o)),
        Address(slot.Path + ".endpoint", (o, v) => slot.Of(o).Listen = v, o => slot.Find(o)?.Listen),
        Int(slot.Path + ".max_recv_msg_size_mib", 1, NodeOptions.MaxRequestBytes >> 20, (o, v) => slot.Of(o).MaxRequestBytes = v << 20,
            o => slot.Find(o)?.MaxRequestBytes >> 20),
        .. Tls(slot),
        .. ReceiverServerKeys.Grpc(slot),
    ];

    private static ConfigKey[] Http(Slot slot) =>
    [
        new ConfigSection(slot.Path, o => slot.Of(o)),
        Address(slot.Path + ".endpoint", (o, v) => slot.Of(o).Listen = v, o => slot.Find(o)?.Listen),
        Bytes(slot.Path + ".max_request_body_size", 1, NodeOptions.MaxRequestBytes, (o, v) => slot.Of(o).MaxRequestBytes = (int)v,
            o => slot.Find(o)?.MaxRequestBytes),
        new ConfigSection(slot.Path + ".cors", o => slot.Of(o).Cors ??= new CorsOptions()),
        Texts(slot.Path + ".cors.allowed_origins", (o, v) => CorsOf(slot, o).AllowedOrigins = v, o => slot.Find(o)?.Cors?.AllowedOrigins),
        Texts(slot.Path + ".cors.allowed_headers", (o, v) => CorsOf(slot, o).AllowedHeaders = v, o => slot.Find(o)?.Cors?.AllowedHeaders),
        Texts(slot.Path + ".cors.exposed_headers", (o, v) => CorsOf(slot, o).ExposedHeaders = v,
            o => slot.Find(o)?.Cors is { ExposedHeaders: { Count: > 0 } names } ? names : null),
        Int(slot.Path + ".cors.max_age", 0, int.MaxValue, (o, v) => CorsOf(slot, o).MaxAgeSeconds = v,
            o => slot.Find(o)?.Cors?.MaxAgeSeconds),
        .. Tls(slot),
        .. ReceiverServerKeys.Http(slot),
    ];

    // A datagram's size and the length of the queue are fixed here.
    private static ConfigKey[] Udp(Slot slot) =>
    [
        new ConfigSection(slot.Path, o => slot.Of(o)),
        Address(slot.Path + ".endpoint", (o, v) => slot.Of(o).Listen = v, o => slot.Find(o)?.Listen),
        new ConfigWithoutEffect(slot.Path + ".queue_size", "1000 datagrams wait at most"),
        new ConfigWithoutEffect(slot.Path + ".max_packet_size", "datagrams of up to 65,000 bytes are taken"),
        new ConfigWithoutEffect(slot.Path + ".workers", "as many as there are cores"),
        new ConfigWithoutEffect(slot.Path + ".socket_buffer_size", "4 MiB is asked for"),
    ];

    private static CorsOptions CorsOf(Slot slot, HostOptions options) => slot.Of(options).Cors ??= new CorsOptions();

    private static ConfigKey[] Tls(Slot slot)
    {
        var at = slot.Path + ".tls";
        return
        [
            .. TlsKeys.Section(at, TlsOf, o => slot.Find(o)?.Tls),
            TlsKeys.Version(at + ".min_version", (o, v) => TlsOf(o).MinVersion = v, o => slot.Find(o)?.Tls?.MinVersion),
            TlsKeys.Version(at + ".max_version", (o, v) => TlsOf(o).MaxVersion = v, o => slot.Find(o)?.Tls?.MaxVersion),
            new ConfigStructure(at + ".cipher_suites",
                (o, node) => LimitStructures.ReadTexts(node, out var names) ?? TlsKeys.SetCipherSuites(TlsOf(o), names),
                o => slot.Find(o)?.Tls is { } tls ? TlsKeys.RenderCipherSuites(tls) : null),
            Duration(at + ".reload_interval", TimeSpan.FromMilliseconds(1), OneYear, (o, v) => TlsOf(o).ReloadInterval = v,
                static _ => default) with
            {
                Render = o => slot.Find(o)?.Tls is { } tls ? GoDuration.Format(tls.ReloadInterval) : null,
            },

            // The root file is looked at again with the certificate, always.
            new ConfigWithoutEffect(at + ".client_ca_file_reload", "the file is always read again when it has changed"),
            new ConfigWithoutEffect(at + ".insecure", "of clients"),
            new ConfigRefused(at + ".cert_pem", NotYet),
            new ConfigRefused(at + ".key_pem", NotYet),
            new ConfigWithoutEffect(at + ".include_system_ca_certs_pool", "of clients"),
            new ConfigRefused(at + ".tpm", NotYet),

            // In Tempo's own example, where it has no effect either.
            new ConfigWithoutEffect(at + ".ca_pem", OfClients),
            new ConfigWithoutEffect(at + ".ca_file", OfClients),
            new ConfigRefused(at + ".curve_preferences", NotYet),
        ];

        TlsOptions TlsOf(HostOptions options) => slot.Of(options).Tls ??= new TlsOptions();
    }

    private static ConfigStructure Texts(
        string path, Action<HostOptions, IReadOnlyList<string>> set, Func<HostOptions, IReadOnlyList<string>?> get) =>
            new(path, (o, node) =>
            {
                if (LimitStructures.ReadTexts(node, out var texts) is { } error) return error;
                set(o, texts);
                return null;
            }, o => get(o) is { } texts ? $"[{string.Join(", ", texts.Select(GoText.Quote))}]" : null);
}
