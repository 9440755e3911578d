using System.Globalization;
using System.Security.Authentication;
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
            var reader = new EntryReader();
            if (reader.Read(mapping, out var target) is { } error) return $"entry at line {item.Line}: {error}";
            options.Notes.AddRange(reader.Notes.Select(note => $"line {item.Line}: metrics_generator.storage.remote_write: {note}"));
            if (targets.Exists(other => other.Name.Length > 0 && other.Name == target.Name))
                return $"entry at line {item.Line}: the name {GoText.Quote(target.Name)} is there twice";
            if (targets.Exists(other => other.Id == target.Id))
                return $"entry at line {item.Line}: {GoText.Quote(target.ShownUrl)} with the same account, headers and rules is there twice; a name tells two targets apart";
            targets.Add(target);
        }

        options.Node = options.Node with { Generator = options.Node.Generator with { RemoteWrite = targets } };
        return null;
    }

    /// <summary>What can be shown: no header's value, no secret.</summary>
    public static string Render(HostOptions options) =>
        LimitStructures.List(options.Node.Generator.RemoteWrite.Select(static target => LimitStructures.Mapping(
        [
            ("url", GoText.Quote(target.ShownUrl)), ("name", GoText.Quote(target.Name)),
            ("remote_timeout", GoDuration.Format(target.RemoteTimeout)),
            ("headers", LimitStructures.Mapping(target.Headers.Select(static h => (h.Key, "<secret>")))),
            ("send_exemplars", target.SendExemplars ? "true" : "false"),
            ("send_native_histograms", target.SendNativeHistograms ? "true" : "false"),
            ("protobuf_message", target.UsesVersion2 ? "io.prometheus.write.v2.Request" : "prometheus.WriteRequest"),
        ])));

    /// <summary>Reads one entry.</summary>
    private sealed class EntryReader
    {
        // Of Prometheus' queues, which are made otherwise here, and of an HTTP client that this is not.
        private static readonly Dictionary<string, string> WithoutEffect = new()
        {
            ["follow_redirects"] = "redirects are not followed",
            ["enable_http2"] = "requests are HTTP/1.1",
            ["metadata_config"] = "types are sent with version 2",
            ["no_proxy"] = "a proxy is for all of the target's requests",
            ["round_robin_dns"] = "the system's resolver chooses",
            ["queue_config.capacity"] = "the queue is on disk",
            ["queue_config.max_shards"] = OneAtATime,
            ["queue_config.min_shards"] = OneAtATime,
            ["queue_config.batch_send_deadline"] = "a collection is sent at once",
        };

        private const string OneAtATime = "one request at a time keeps each series in order";

        private RemoteWriteTarget _target = new() { Url = new Uri("http://localhost") };
        private bool _hasUrl;
        private Func<string>? _userOf;
        private string _tlsMin = "", _tlsMax = "", _user = "", _scheme = "Bearer", _credentialsFile = "";
        private Func<string>? _password, _credentials, _clientSecret;
        private string _clientId = "", _region = "", _accessKey = "", _secretKey = "";
        private Uri? _tokenUrl;
        private List<string> _scopes = [];
        private List<KeyValuePair<string, string>> _parameters = [];
        private bool _isSigned;

        /// <summary>What was read and has no effect.</summary>
        public List<string> Notes { get; } = [];

        public string? Read(YamlMapping mapping, out RemoteWriteTarget target)
        {
            var error = ReadAll(mapping, "");
            if (error is null && !_hasUrl) error = "url is missing";
            error ??= CheckAuthorization() ?? SetTlsVersions();
            if (_userOf is not null || _password is not null)
                _target = _target with { Authorization = BasicOf(_userOf ?? (static () => ""), _password ?? (static () => "")) };
            else if (_credentials is { } credentials) _target = _target with { Authorization = SchemeOf(_scheme, credentials) };
            if (_tokenUrl is not null && _clientSecret is not null)
                _target = _target with
                {
                    OAuth2 = new OAuth2Options(_clientId, _clientSecret, _tokenUrl) { Scopes = _scopes, EndpointParameters = _parameters }
                };
            if (_isSigned) _target = _target with { SigV4 = new SigV4Options(RegionOrEnvironment(), Keys(_accessKey, _secretKey)) };
            target = _target with
            {
                Account =
                string.Join(' ', new[] { _user, _credentialsFile, _clientId, _region, _accessKey }.Where(static part => part.Length > 0))
            };
            return error;
        }

        private string? CheckAuthorization()
        {
            var hasOAuth2 = _clientId.Length > 0 || _clientSecret is not null || _tokenUrl is not null;
            if ((_user.Length > 0 ? 1 : 0) + (_credentials is not null ? 1 : 0) + (hasOAuth2 ? 1 : 0) + (_isSigned ? 1 : 0) > 1)
                return "at most one of basic_auth, authorization, bearer_token, oauth2 and sigv4 is allowed";
            if (hasOAuth2 && (_clientId.Length == 0 || _clientSecret is null || _tokenUrl is null))
                return "oauth2 needs client_id, client_secret or client_secret_file, and token_url";
            if (_isSigned && RegionOrEnvironment().Length == 0) return "sigv4 needs a region, there or in AWS_REGION";
            return _accessKey.Length > 0 == _secretKey.Length > 0 ? null : "sigv4 needs access_key and secret_key, or neither";
        }

        private string RegionOrEnvironment() => _region.Length > 0 ? _region : Environment.GetEnvironmentVariable("AWS_REGION") ?? "";

        // Asked for with each request: a session's keys in the environment are those of the start, those of the file do not change.
        private static Func<(string, string, string)> Keys(string accessKey, string secretKey) => accessKey.Length > 0
            ? () => (accessKey, secretKey, "")
            : static () => (Variable("AWS_ACCESS_KEY_ID"), Variable("AWS_SECRET_ACCESS_KEY"), Variable("AWS_SESSION_TOKEN"));

        private static string Variable(string name) => Environment.GetEnvironmentVariable(name) ?? "";

        private string? ReadAll(YamlMapping mapping, string section)
        {
            foreach (var (key, line, value) in mapping.Entries)
            {
                var path = section + key;
                if (path == "sigv4") _isSigned = true;
                if (value is YamlScalar { IsNull: true }) continue;
                var error = path is "basic_auth" or "authorization" or "tls_config" or "queue_config" or "oauth2" or "sigv4"
                    ? value is YamlMapping inner ? ReadAll(inner, path + ".") : "a mapping is expected"
                    : ReadOne(path, value);
                if (error is not null) return $"{path} at line {line}: {error}";
            }

            return null;
        }

        private string? ReadOne(string path, YamlNode value)
        {
            if (WithoutEffect.TryGetValue(path, out var reason))
            {
                Notes.Add($"{path} has no effect: {reason}");
                return null;
            }

            if (path == "headers")
                return LimitStructures.ReadMap(value, out var headers) ?? Done(_target = _target with { Headers = headers });
            if (path == "oauth2.endpoint_params") return LimitStructures.ReadMap(value, out _parameters);
            if (path == "oauth2.scopes") return LimitStructures.ReadTexts(value, out _scopes);
            if (path == "write_relabel_configs")
                return RelabelConfig.Read(value, out var rules) ?? Done(_target = _target with { WriteRelabelRules = rules });
            if (value is not YamlScalar { Text: var text })
                return path is "azuread" or "google_iam" ? "is not available in this version" : "a single value is expected";
            return ReadText(path, text);
        }

        private string? ReadText(string path, string text)
        {
            switch (path)
            {
                case "url":
                    if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")) return NotAUrl;
                    _hasUrl = true;
                    return Done(_target = _target with { Url = url });
                case "name": return Done(_target = _target with { Name = text });
                case "protobuf_message":
                    if (text is not ("" or "prometheus.WriteRequest" or "io.prometheus.write.v2.Request"))
                        return $"{GoText.Quote(text)} is not known";
                    return Done(_target = _target with { UsesVersion2 = text == "io.prometheus.write.v2.Request" });
                case "remote_timeout": return Time(text, v => _target = _target with { RemoteTimeout = v });
                case "queue_config.min_backoff": return Time(text, v => _target = _target with { MinBackoff = v });
                case "queue_config.max_backoff": return Time(text, v => _target = _target with { MaxBackoff = v });
                case "queue_config.max_samples_per_send":
                    if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var samples) || samples < 1)
                        return $"{GoText.Quote(text)} is not a number above 0";
                    return Done(_target = _target with { MaxSamplesPerSend = samples });
                case "send_exemplars": return Flag(text, v => _target = _target with { SendExemplars = v });
                case "send_native_histograms": return Flag(text, v => _target = _target with { SendNativeHistograms = v });
                case "basic_auth.username": return Done((_user, _userOf) = (text, () => text));
                case "basic_auth.username_file": return Done((_user, _userOf) = (text, () => ReadSecret(text)));
                case "basic_auth.password": return Done(_password = () => text);
                case "basic_auth.password_file": return Done(_password = () => ReadSecret(text));
                case "authorization.type": return Done(_scheme = text);
                case "authorization.credentials" or "bearer_token": return Done(_credentials = () => text);
                case "authorization.credentials_file" or "bearer_token_file":
                    return Done((_credentials, _credentialsFile) = (() => ReadSecret(text), text));
                case "oauth2.client_id": return Done(_clientId = text);
                case "oauth2.client_secret": return Done(_clientSecret = () => text);
                case "oauth2.client_secret_file": return Done(_clientSecret = () => ReadSecret(text));
                case "oauth2.token_url":
                    if (!Uri.TryCreate(text, UriKind.Absolute, out var token) || token.Scheme is not ("http" or "https")) return NotAUrl;
                    return Done(_tokenUrl = token);
                case "sigv4.region": return Done(_region = text);
                case "sigv4.access_key": return Done(_accessKey = text);
                case "sigv4.secret_key": return Done(_secretKey = text);
                case "sigv4.profile" or "sigv4.role_arn":
                    return "is not available in this version; access_key and secret_key, or their environment variables, are";
                case "tls_config.ca_file": return Done(_target = _target with { Tls = _target.Tls with { CaFile = text } });
                case "tls_config.cert_file": return Done(_target = _target with { Tls = _target.Tls with { CertFile = text } });
                case "tls_config.key_file": return Done(_target = _target with { Tls = _target.Tls with { KeyFile = text } });
                case "tls_config.server_name": return Done(_target = _target with { Tls = _target.Tls with { ServerName = text } });
                case "tls_config.insecure_skip_verify":
                    return Flag(text, v => _target = _target with { Tls = _target.Tls with { InsecureSkipVerify = v } });
                case "tls_config.min_version": return TlsVersion(text, isMax: false, out _tlsMin);
                case "tls_config.max_version": return TlsVersion(text, isMax: true, out _tlsMax);
                case "proxy_from_environment": return Flag(text, v => _target = _target with { UsesProxyOfEnvironment = v });
                case "proxy_url":
                    if (text.Length == 0) return null;
                    if (!Uri.TryCreate(text, UriKind.Absolute, out var proxy) || proxy.Scheme is not ("http" or "https")) return NotAUrl;
                    return Done(_target = _target with { Proxy = proxy });
                case "queue_config.retry_on_http_429": return Flag(text, v => _target = _target with { RetriesOn429 = v });
                case "queue_config.sample_age_limit":
                    return text is "0" or "0s" ? null : Time(text, v => _target = _target with { SampleAgeLimit = v });
                default: return "the field is not known";
            }
        }

        // Read for each request, as Prometheus does: secrets are renewed in their files.
        private static string ReadSecret(string path) => File.ReadAllText(path).Trim();

        // Not the text: a password may stand in it.
        private const string NotAUrl = "not an http or https URL";

        private static Func<string> BasicOf(Func<string> user, Func<string> password) =>
            () => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user()}:{password()}"));

        private string? SetTlsVersions()
        {
            if (_tlsMin.Length + _tlsMax.Length == 0) return null;
            var protocols = (_tlsMin == "TLS13" ? SslProtocols.None : SslProtocols.Tls12)
                | (_tlsMax is "" or "TLS13" ? SslProtocols.Tls13 : SslProtocols.None);
            if (protocols == SslProtocols.None) return "tls_config: min_version is above max_version";
            _target = _target with { Tls = _target.Tls with { Protocols = protocols } };
            return null;
        }

        // Of the two that are older nobody has any left; as the least that is allowed they change nothing.
        private static string? TlsVersion(string text, bool isMax, out string version)
        {
            version = text;
            if (text is "TLS12" or "TLS13" || (text is "TLS10" or "TLS11" && !isMax)) return null;
            return text is "TLS10" or "TLS11"
                ? $"{GoText.Quote(text)} is not available in this version"
                : $"{GoText.Quote(text)} is not known; known are TLS10, TLS11, TLS12 and TLS13";
        }

        private static Func<string> SchemeOf(string scheme, Func<string> credentials) => () => $"{scheme} {credentials()}";

        private static string? Time(string text, Action<TimeSpan> set)
        {
            if (!GoDuration.TryParse(text, out var nanoseconds, out _) || nanoseconds <= 0)
                return $"{GoText.Quote(text)} is not a duration above 0";
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
        var modulus = 0UL;
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
                case "modulus" when ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out modulus) && modulus > 0:
                    break;
                case "modulus": return $"modulus {GoText.Quote(text)} is not a number above 0";
                case "action" when Enum.TryParse(text, ignoreCase: true, out action) && !char.IsAsciiDigit(text[0]): break;
                case "action":
                    return $"action {GoText.Quote(text)} is not known; known are replace, keep, drop, hashmod, lowercase, uppercase, keepequal, dropequal, labelmap, labeldrop and labelkeep";
                default: return $"field {key} not found in write_relabel_configs";
            }
        }

        if (target.Length == 0 && action is not (RelabelAction.Keep or RelabelAction.Drop or RelabelAction.LabelMap
            or RelabelAction.LabelDrop or RelabelAction.LabelKeep))
            return $"{action.ToString().ToLowerInvariant()} needs a target_label";
        if (action == RelabelAction.HashMod && modulus == 0) return "hashmod needs a modulus";
        try
        {
            rule = new RelabelRule(action, sources, separator, pattern, target, replacement) { Modulus = modulus };
            return null;
        }
        catch (ArgumentException e)
        {
            return $"regex {GoText.Quote(pattern)}: {e.Message}";
        }
    }
}
