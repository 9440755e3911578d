namespace Tempo.Host.Authentication;

/// <summary>
/// Who may talk to this process: section <c>authentication</c>, which is ours. With neither tokens nor users everybody may.
/// </summary>
public sealed class AuthenticationOptions
{
    /// <summary>Any of them in <c>Authorization: Bearer</c>.</summary>
    public IReadOnlyList<string> BearerTokens { get; set; } = [];

    /// <summary>A file with more of them, one a line; read again when it changes. Empty: none.</summary>
    public string BearerTokenFile { get; set; } = "";

    /// <summary>Names and passwords of <c>Authorization: Basic</c>.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> BasicUsers { get; set; } = [];

    /// <summary>Listeners that ask, by their names in <c>/status/services</c>; empty: all.</summary>
    public IReadOnlyList<string> Listeners { get; set; } = [];

    /// <summary>Somebody has to say who they are.</summary>
    public bool IsOn => BearerTokens.Count > 0 || BearerTokenFile.Length > 0 || BasicUsers.Count > 0;

    /// <summary>This listener asks.</summary>
    public bool Covers(string listener) => IsOn && (Listeners.Count == 0 || Listeners.Contains(listener));
}
