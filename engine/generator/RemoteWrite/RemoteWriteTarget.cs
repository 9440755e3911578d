using System.Globalization;
using System.Security.Authentication;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>One entry of <c>metrics_generator.storage.remote_write</c>, in Prometheus' words.</summary>
public sealed record RemoteWriteTarget
{
    public required Uri Url { get; init; }

    /// <summary>Told apart in metrics; empty: made from the URL.</summary>
    public string Name { get; init; } = "";

    /// <summary>Of one request, the answer included.</summary>
    public TimeSpan RemoteTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public IReadOnlyList<RelabelRule> WriteRelabelRules { get; init; } = [];

    public bool SendExemplars { get; init; }

    public bool SendNativeHistograms { get; init; }

    /// <summary>Begin with <c>io.prometheus.write.v2.Request</c>; a receiver that does not take it gets version 1.</summary>
    public bool UsesVersion2 { get; init; }

    /// <summary>Value of the Authorization header, or null; asked for each request, since files with secrets change.</summary>
    public Func<string>? Authorization { get; init; }

    /// <summary>
    /// Whose the authorization is (a user's name, a client's id, a file), so that two accounts at one URL are two targets. No secret.
    /// </summary>
    public string Account { get; init; } = "";

    /// <summary>A token of client credentials instead; null: none.</summary>
    public OAuth2Options? OAuth2 { get; init; }

    /// <summary>Requests are signed for AWS instead; null: they are not.</summary>
    public SigV4Options? SigV4 { get; init; }

    public RemoteWriteTls Tls { get; init; } = new();

    /// <summary>Requests go through it; null: straight.</summary>
    public Uri? Proxy { get; init; }

    /// <summary>Requests go through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, if they do.</summary>
    public bool UsesProxyOfEnvironment { get; init; }

    /// <summary>Samples that are older when their turn comes are dropped and counted; zero: none are.</summary>
    public TimeSpan SampleAgeLimit { get; init; }

    /// <summary>A 429 is sent again. Prometheus drops such a batch unless it is told otherwise, which loses samples.</summary>
    public bool RetriesOn429 { get; init; } = true;

    public TimeSpan MinBackoff { get; init; } = TimeSpan.FromMilliseconds(30);

    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(5);

    public int MaxSamplesPerSend { get; init; } = SeriesEncoder.DefaultMaxBatchSamples;

    /// <summary>The URL without user, password and query: for labels and logs.</summary>
    public string ShownUrl => Url.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    public string ShownName => Name.Length > 0 ? Name : Id.ToString("x16", CultureInfo.InvariantCulture)[..6];

    /// <summary>
    /// The same in every run for the same name, or without one for the same URL, account, headers and rules: FNV-1a over the text. A queue
    /// knows its reader by it, and metrics a target without a name, so that no two targets of a process may have the same.
    /// </summary>
    public ulong Id
    {
        get
        {
            var hash = 14695981039346656037UL;
            if (Name.Length > 0)
            {
                Add("name:" + Name);
                return hash;
            }

            Add(Url.AbsoluteUri);
            if (Account.Length > 0) Add("\naccount " + Account);
            foreach (var (name, value) in Headers) Add($"\nheader {name}:{value}");
            foreach (var rule in WriteRelabelRules) Add("\nrule " + rule.Describe());
            return hash;

            void Add(string text)
            {
                foreach (var c in text) hash = (hash ^ c) * 1099511628211UL;
            }
        }
    }
}

/// <summary>Prometheus' <c>tls_config</c>; empty texts are not set.</summary>
public sealed record RemoteWriteTls(
    string CaFile = "", string CertFile = "", string KeyFile = "", string ServerName = "", bool InsecureSkipVerify = false)
{
    /// <summary>None: what the system allows.</summary>
    public SslProtocols Protocols { get; init; }
}
