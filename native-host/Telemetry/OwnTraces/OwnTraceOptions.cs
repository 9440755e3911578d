using System.Globalization;
using Tempo.Engine.Foundation;

namespace Tempo.Host.Telemetry.OwnTraces;

/// <summary>
/// Where the process sends its own traces, by OpenTelemetry's environment variables
/// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
/// </summary>
internal sealed record OwnTraceOptions
{
    /// <summary>They would change how it is sent, and do not.</summary>
    private static readonly string[] WithoutEffect = ["COMPRESSION", "CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"];

    /// <summary>Gets OTLP requests by POST.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>The same for the log, without what may be secret in it.</summary>
    public string ShownEndpoint => Endpoint.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    /// <summary>Of each request.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    /// <summary>How long the server may take to answer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Attributes of the resource, <c>service.name</c> among them.</summary>
    public IReadOnlyList<(string Key, string Value)> Resource { get; init; } = [];

    public OwnTraceSampler Sampler { get; init; } = OwnTraceSampler.Default;

    /// <summary>
    /// What the environment says; null: nothing is sent. A value that makes no sense is warned of and taken for none, as the specification
    /// has it; where it would be sent otherwise or elsewhere than it says, nothing is.
    /// </summary>
    /// <param name="variable">The value of a variable of the environment.</param>
    /// <param name="serviceName">Unless the environment says another.</param>
    /// <param name="log">Is told what cannot be done as it is asked for.</param>
    public static OwnTraceOptions? Read(Func<string, string?> variable, string serviceName, Log log)
    {
        string Value(string name) => variable(name)?.Trim() ?? "";
        string OfTraces(string name) =>
            Value("OTEL_EXPORTER_OTLP_TRACES_" + name) is { Length: > 0 } own ? own : Value("OTEL_EXPORTER_OTLP_" + name);

        var exporter = Value("OTEL_TRACES_EXPORTER").ToLowerInvariant();
        if (Value("OTEL_SDK_DISABLED").Equals("true", StringComparison.OrdinalIgnoreCase) || exporter == "none") return null;
        if (exporter.Length == 0 && OfTraces("ENDPOINT").Length == 0) return null;
        if (exporter is not ("" or "otlp")) return Without($"OTEL_TRACES_EXPORTER={exporter}: only otlp is there");
        if (OfTraces("PROTOCOL").ToLowerInvariant() is not ("" or "http/protobuf") and var protocol)
            return Without($"OTEL_EXPORTER_OTLP_PROTOCOL or its …_TRACES_PROTOCOL is {protocol}: only http/protobuf is there");
        if (!TryReadEndpoint(Value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), Value("OTEL_EXPORTER_OTLP_ENDPOINT"), out var endpoint,
            out var wrong))
            return Without(wrong);
        foreach (var name in WithoutEffect)
            if (OfTraces(name).Length > 0) Ignore($"OTEL_EXPORTER_OTLP_{name} has no effect");
        return new OwnTraceOptions
        {
            Endpoint = endpoint!,
            Headers = [.. Pairs(OfTraces("HEADERS"))],
            Timeout = TimeoutOf(OfTraces("TIMEOUT"), Ignore),
            Resource = ResourceOf(Pairs(Value("OTEL_RESOURCE_ATTRIBUTES")), Value("OTEL_SERVICE_NAME"), serviceName),
            Sampler = OwnTraceSampler.Of(Value("OTEL_TRACES_SAMPLER"), Value("OTEL_TRACES_SAMPLER_ARG"), Ignore),
        };

        void Ignore(string what) => log.Warn("a variable of OpenTelemetry is ignored", ("what", what));

        OwnTraceOptions? Without(string why)
        {
            log.Warn("traces of this process are not sent", ("why", why));
            return null;
        }
    }

    private static TimeSpan TimeoutOf(string text, Action<string> ignore)
    {
        const int defaultMs = 10_000;
        var ms = defaultMs;
        if (text.Length > 0 && !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ms))
        {
            ignore("OTEL_EXPORTER_OTLP_TIMEOUT is no number of milliseconds");
            ms = defaultMs;
        }

        return ms == 0 ? System.Threading.Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(ms);
    }

    // The signal's own is taken as it is, the general one is what the path stands below. What is no URL is not told: it may hold a
    // password.
    private static bool TryReadEndpoint(string own, string general, out Uri? endpoint, out string wrong)
    {
        var text = own.Length > 0 ? own : (general.Length > 0 ? general : "http://localhost:4318").TrimEnd('/') + "/v1/traces";
        var isGood = Uri.TryCreate(text, UriKind.Absolute, out endpoint) && endpoint.Scheme is "http" or "https";
        wrong = isGood
            ? ""
            : $"{(own.Length > 0 ? "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" : "OTEL_EXPORTER_OTLP_ENDPOINT")} is no URL of http or https";
        return isGood;
    }

    // key=value,key=value, as in W3C baggage: values are percent-encoded.
    private static IEnumerable<(string Key, string Value)> Pairs(string text)
    {
        foreach (var pair in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0) yield return (pair[..equals].Trim(), Uri.UnescapeDataString(pair[(equals + 1)..].Trim()));
        }
    }

    private static (string Key, string Value)[] ResourceOf(IEnumerable<(string Key, string Value)> given, string named, string serviceName)
    {
        const string nameKey = "service.name";
        var all = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [nameKey] = serviceName,
            ["service.version"] = BuildInfo.Version,
            ["service.instance.id"] = $"{Environment.MachineName}-{Environment.ProcessId}",
        };
        foreach (var (key, value) in given) all[key] = value;
        if (named.Length > 0) all[nameKey] = named;
        return [.. all.Select(static pair => (pair.Key, pair.Value))];
    }
}
