using System.Globalization;
using System.Text;
using Tempo.Engine.Generator.RemoteWrite;

namespace Tempo.Host.Config;

/// <summary><c>metrics_generator.storage.remote_write</c>: a list in Prometheus' format, as far as it is known here.</summary>
internal static class RemoteWriteConfig
{
    private const int MaxTargets = 100;

    /// <summary>Null, or the error; a wrong entry names its own line.</summary>
    public static string? Set(HostOptions options, YamlNode node)
    {
        if (node is not YamlSequence list) return "a list is expected";
        if (list.Items.Count > MaxTargets) return $"{list.Items.Count} targets, at most {MaxTargets} are taken";
        var targets = new List<RemoteWriteTarget>();
        foreach (var item in list.Items)
        {
            if (item is not YamlMapping mapping) return $"entry at line {item.Line}: a mapping is expected";
            if (new EntryReader().Read(mapping, out var target) is { } error) return $"entry at line {item.Line}: {error}";
            if (targets.Exists(other => other.Name.Length > 0 && other.Name == target.Name)) return $"entry at line {item.Line}: the name {GoText.Quote(target.Name)} is there twice";
            targets.Add(target);
        }

        options.Node = options.Node with { Generator = options.Node.Generator with { RemoteWrite = targets } };
        return null;
    }

    /// <summary>What can be shown: no header's value, no secret.</summary>
    public static string Render(HostOptions options) => LimitStructures.List(options.Node.Generator.RemoteWrite.Select(static target => LimitStructures.Mapping(
    [
        ("url", GoText.Quote(target.ShownUrl)), ("name", GoText.Quote(target.Name)), ("remote_timeout", GoDuration.Format(target.RemoteTimeout)),
        ("headers", LimitStructures.Mapping(target.Headers.Select(static h => (h.Key, "<secret>")))),
        ("send_exemplars", target.SendExemplars ? "true" : "false"), ("send_native_histograms", target.SendNativeHistograms ? "true" : "false"),
        ("protobuf_message", target.UsesVersion2 ? "io.prometheus.write.v2.Request" : "prometheus.WriteRequest"),
    ])));

    /// <summary>Reads one entry.</summary>
    private sealed class EntryReader
    {
        private static readonly string[] Ignored =
        [
            "follow_redirects", "enable_http2", "metadata_config", "no_proxy", "proxy_from_environment", "round_robin_dns", "basic_auth.username_file", "queue_config.capacity", "queue_config.max_shards",
            "queue_config.min_shards", "queue_config.batch_send_deadline", "queue_config.retry_on_http_429", "queue_config.sample_age_limit", "tls_config.min_version", "tls_config.max_version",
        ];

        private RemoteWriteTarget _target = new() { Url = new Uri("http://localhost") };
        private bool _hasUrl;
        private string _user = "", _scheme = "Bearer";
        private Func<string>? _password, _credentials;

        public string? Read(YamlMapping mapping, out RemoteWriteTarget target)
        {
            var error = ReadAll(mapping, "");
            if (error is null && !_hasUrl) error = "url is missing";
            if (error is null && _user.Length > 0 && _credentials is not null) error = "at most one of basic_auth, authorization and bearer_token is allowed";
            if (_user.Length > 0 || _password is not null) _target = _target with { Authorization = BasicOf(_user, _password ?? (static () => "")) };
            else if (_credentials is { } credentials) _target = _target with { Authorization = SchemeOf(_scheme, credentials) };
            target = _target;
            return error;
        }

        private string? ReadAll(YamlMapping mapping, string section)
        {
            foreach (var (key, line, value) in mapping.Entries)
            {
                var path = section + key;
                if (value is YamlScalar { IsNull: true }) continue;
                var error = path is "basic_auth" or "authorization" or "tls_config" or "queue_config"
                    ? value is YamlMapping inner ? ReadAll(inner, path + ".") : "a mapping is expected"
                    : ReadOne(path, value);
                if (error is not null) return $"{path} at line {line}: {error}";
            }

            return null;
        }

        private string? ReadOne(string path, YamlNode value)
        {
            if (Ignored.Contains(path)) return null;
            if (path == "headers") return LimitStructures.ReadMap(value, out var headers) ?? Done(_target = _target with { Headers = headers });
            if (path == "write_relabel_configs") return RelabelConfig.Read(value, out var rules) ?? Done(_target = _target with { WriteRelabelRules = rules });
            if (value is not YamlScalar { Text: var text }) return path is "sigv4" or "oauth2" or "azuread" or "google_iam" ? "is not available in this version" : "a single value is expected";
            return ReadText(path, text);
        }

        private string? ReadText(string path, string text)
        {
            switch (path)
            {
                case "url":
                    if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")) return $"{GoText.Quote(text)} is not an http or https URL";
                    _hasUrl = true;
                    return Done(_target = _target with { Url = url });
                case "name": return Done(_target = _target with { Name = text });
                case "protobuf_message":
                    if (text is not ("" or "prometheus.WriteRequest" or "io.prometheus.write.v2.Request")) return $"{GoText.Quote(text)} is not known";
                    return Done(_target = _target with { UsesVersion2 = text == "io.prometheus.write.v2.Request" });
                case "remote_timeout": return Time(text, v => _target = _target with { RemoteTimeout = v });
                case "queue_config.min_backoff": return Time(text, v => _target = _target with { MinBackoff = v });
                case "queue_config.max_backoff": return Time(text, v => _target = _target with { MaxBackoff = v });
                case "queue_config.max_samples_per_send":
                    if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var samples) || samples < 1) return $"{GoText.Quote(text)} is not a number above 0";
                    return Done(_target = _target with { MaxSamplesPerSend = samples });
                case "send_exemplars": return Flag(text, v => _target = _target with { SendExemplars = v });
                case "send_native_histograms": return Flag(text, v => _target = _target with { SendNativeHistograms = v });
                case "basic_auth.username": return Done(_user = text);
                case "basic_auth.password": return Done(_password = () => text);
                case "basic_auth.password_file": return Done(_password = () => ReadSecret(text));
                case "authorization.type": return Done(_scheme = text);
                case "authorization.credentials" or "bearer_token": return Done(_credentials = () => text);
                case "authorization.credentials_file" or "bearer_token_file": return Done(_credentials = () => ReadSecret(text));
                case "tls_config.ca_file": return Done(_target = _target with { Tls = _target.Tls with { CaFile = text } });
                case "tls_config.cert_file": return Done(_target = _target with { Tls = _target.Tls with { CertFile = text } });
                case "tls_config.key_file": return Done(_target = _target with { Tls = _target.Tls with { KeyFile = text } });
                case "tls_config.server_name": return Done(_target = _target with { Tls = _target.Tls with { ServerName = text } });
                case "tls_config.insecure_skip_verify": return Flag(text, v => _target = _target with { Tls = _target.Tls with { InsecureSkipVerify = v } });
                case "proxy_url": return text.Length == 0 ? null : "a proxy is not available in this version";
                default: return "the field is not known";
            }
        }

        // Read for each request, as Prometheus does: secrets are renewed in their files.
        private static string ReadSecret(string path) => File.ReadAllText(path).Trim();

        private static Func<string> BasicOf(string user, Func<string> password) => () => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password()}"));

        private static Func<string> SchemeOf(string scheme, Func<string> credentials) => () => $"{scheme} {credentials()}";

        private static string? Time(string text, Action<TimeSpan> set)
        {
            if (!GoDuration.TryParse(text, out var nanoseconds, out _) || nanoseconds <= 0) return $"{GoText.Quote(text)} is not a duration above 0";
            set(TimeSpan.FromTicks(nanoseconds / 100));
            return null;
        }

        private static string? Flag(string text, Action<bool> set)
        {
            if (text is not ("true" or "false")) return $"{GoText.Quote(text)} is neither true nor false";
            set(text == "true");
            return null;
        }

        private static string? Done<T>(T _) => null;
    }
}

/// <summary><c>write_relabel_configs</c>.</summary>
internal static class RelabelConfig
{
    public static string? Read(YamlNode node, out List<RelabelRule> rules)
    {
        rules = [];
        if (node is not YamlSequence list) return "a list is expected";
        foreach (var item in list.Items)
        {
            if (item is not YamlMapping mapping) return $"entry at line {item.Line}: a mapping is expected";
            if (ReadRule(mapping, out var rule) is { } error) return $"entry at line {item.Line}: {error}";
            rules.Add(rule!);
        }

        return null;
    }

    private static string? ReadRule(YamlMapping mapping, out RelabelRule? rule)
    {
        rule = null;
        var (action, separator, pattern, target, replacement) = (RelabelAction.Replace, ";", "(.*)", "", "$1");
        List<string> sources = [];
        foreach (var (key, _, value) in mapping.Entries)
        {
            if (key == "source_labels")
            {
                if (LimitStructures.ReadTexts(value, out sources) is { } error) return $"{key}: {error}";
                continue;
            }

            if (value is not YamlScalar { Text: var text }) return $"{key}: a single value is expected";
            switch (key)
            {
                case "separator": separator = text; break;
                case "regex": pattern = text; break;
                case "target_label": target = text; break;
                case "replacement": replacement = text; break;
                case "action" when Enum.TryParse(text, ignoreCase: true, out action) && !char.IsAsciiDigit(text[0]): break;
                case "action": return $"action {GoText.Quote(text)} is not available; replace, keep, drop, labelmap, labeldrop and labelkeep are";
                default: return $"field {key} not found in write_relabel_configs";
            }
        }

        if (action == RelabelAction.Replace && target.Length == 0) return "replace needs a target_label";
        try
        {
            rule = new RelabelRule(action, sources, separator, pattern, target, replacement);
            return null;
        }
        catch (ArgumentException e)
        {
            return $"regex {GoText.Quote(pattern)}: {e.Message}";
        }
    }
}
