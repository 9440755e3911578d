using System.Globalization;

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

    /// <summary>A token of client credentials instead; null: none.</summary>
    public OAuth2Options? OAuth2 { get; init; }

    /// <summary>Requests are signed for AWS instead; null: they are not.</summary>
    public SigV4Options? SigV4 { get; init; }

    public RemoteWriteTls Tls { get; init; } = new();

    public TimeSpan MinBackoff { get; init; } = TimeSpan.FromMilliseconds(30);

    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(5);

    public int MaxSamplesPerSend { get; init; } = SeriesEncoder.DefaultMaxBatchSamples;

    /// <summary>The URL without user, password and query: for labels and logs.</summary>
    public string ShownUrl => Url.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    public string ShownName => Name.Length > 0 ? Name : Id.ToString("x16", CultureInfo.InvariantCulture)[..6];

    /// <summary>
    /// The same for the same name, or URL without one, in every run: FNV-1a over the text. A queue knows its reader by it.
    /// </summary>
    internal ulong Id
    {
        get
        {
            var hash = 14695981039346656037UL;
            foreach (var c in Name.Length > 0 ? "name:" + Name : Url.AbsoluteUri) hash = (hash ^ c) * 1099511628211UL;
            return hash;
        }
    }
}

/// <summary>Prometheus' <c>tls_config</c>; empty texts are not set.</summary>
public sealed record RemoteWriteTls(string CaFile = "", string CertFile = "", string KeyFile = "", string ServerName = "", bool InsecureSkipVerify = false);
