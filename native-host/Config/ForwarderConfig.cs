using Tempo.Engine.Node.Forwarding;

namespace Tempo.Host.Config;

/// <summary>
/// <c>distributor.forwarders</c>: a list of <c>{name, backend: otlpgrpc, otlpgrpc: {endpoints, tls: {insecure, cert_file}}}</c>.
/// </summary>
internal static class ForwarderConfig
{
    /// <summary>Null, or the error; a wrong entry names its own line.</summary>
    public static string? Set(HostOptions options, YamlNode node)
    {
        if (node is not YamlSequence list) return "a list is expected";
        var forwarders = new List<ForwarderOptions>();
        foreach (var item in list.Items)
        {
            if (item is not YamlMapping mapping) return $"entry at line {item.Line}: name, backend and otlpgrpc are expected";
            if (ReadEntry(mapping, out var forwarder) is { } error) return $"entry at line {item.Line}: {error}";
            if (forwarders.Any(other => other.Name == forwarder!.Name))
                return $"entry at line {item.Line}: there is a forwarder {GoText.Quote(forwarder!.Name)} already";
            forwarders.Add(forwarder!);
        }

        options.Forwarders = forwarders;
        return null;
    }

    public static string Render(HostOptions options) =>
        $"[{string.Join(", ", options.Forwarders.Select(static f =>
            $"{{name: {GoText.Quote(f.Name)}, backend: otlpgrpc, otlpgrpc: {{endpoints: [{string.Join(", ", f.Endpoints.Select(GoText.Quote))}], tls: {{insecure: {(f.IsInsecure ? "true" : "false")}, cert_file: {GoText.Quote(f.CertFile)}}}}}}}"))}]";

    private static string? ReadEntry(YamlMapping mapping, out ForwarderOptions? forwarder)
    {
        forwarder = null;
        var (name, backend) = ("", "");
        var read = new ForwarderOptions { Name = "", Endpoints = [] };
        foreach (var (key, _, value) in mapping.Entries)
        {
            switch (key, value)
            {
                case ("name", YamlScalar { Text.Length: > 0 } text): name = text.Text; break;
                case ("backend", YamlScalar { Text: "otlpgrpc" } text): backend = text.Text; break;
                case ("backend", _): return "backend: otlpgrpc is the only one";
                case ("otlpgrpc", YamlMapping otlp):
                    if (ReadOtlp(otlp, ref read) is { } error) return error;
                    break;
                case ("filter", YamlScalar { IsNull: true } or YamlMapping { Entries.Count: 0 }): break;
                case ("filter", _):
                    return "filter: conditions in OTTL are not available in this version, and without them more would be sent on than is meant to be";
                case ("name" or "otlpgrpc", _): return $"{key} has a value that is not known";
                default: return $"field {key} not found in a forwarder";
            }
        }

        if (name.Length == 0) return "name is missing";
        if (backend.Length == 0) return "backend is missing";
        if (read.Endpoints.Count == 0) return "otlpgrpc.endpoints is missing";
        forwarder = read with { Name = name };
        return null;
    }

    private static string? ReadOtlp(YamlMapping mapping, ref ForwarderOptions read)
    {
        foreach (var (key, _, value) in mapping.Entries)
        {
            switch (key, value)
            {
                case ("endpoints", _):
                    if (LimitStructures.ReadTexts(value, out var endpoints) is { } error) return $"endpoints: {error}";
                    foreach (var endpoint in endpoints)
                        if (!Uri.TryCreate($"http://{endpoint}/", UriKind.Absolute, out var url)
                            || !endpoint.Equals(url.Authority, StringComparison.OrdinalIgnoreCase)
                                && !endpoint.Equals($"{url.Host}:{url.Port}", StringComparison.OrdinalIgnoreCase))
                            return $"endpoints: {GoText.Quote(endpoint)} is not host:port";
                    read = read with { Endpoints = endpoints };
                    break;
                case ("tls", YamlMapping tls):
                    foreach (var (name, _, setting) in tls.Entries)
                    {
                        switch (name, setting)
                        {
                            case ("insecure", YamlScalar { Text: "true" or "false" } flag):
                                read = read with { IsInsecure = flag.Text == "true" }; break;
                            case ("cert_file", YamlScalar path): read = read with { CertFile = path.Text }; break;
                            default: return $"tls: field {name} not found, or with a value that is not known";
                        }
                    }

                    break;
                default: return $"otlpgrpc: field {key} not found, or with a value that is not known";
            }
        }

        return null;
    }
}
