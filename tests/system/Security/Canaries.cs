using System.Text;

namespace Tempo.SystemTests.Security;

/// <summary>Secrets that can be told from everything else, each with the key that it was given in.</summary>
internal sealed class Canaries(string folder)
{
    private readonly Dictionary<string, string> _all = [];

    public int Count => _all.Count;

    /// <summary>The text of a new secret.</summary>
    public string New(string key)
    {
        var text = $"canary{_all.Count:00}Zq7";
        _all.Add(text, key);
        return text;
    }

    /// <summary>One that has to be base64.</summary>
    public string NewBase64(string key)
    {
        var text = Convert.ToBase64String(Encoding.ASCII.GetBytes($"canary{_all.Count:00}Zq7-as-base64-key"));
        _all.Add(text, key);
        return text;
    }

    /// <summary>The path of a file that holds one, or several lines around it.</summary>
    public string File(string key, string before = "", string after = "")
    {
        var path = Path.Combine(folder, $"secret-{_all.Count}");
        System.IO.File.WriteAllText(path, before + New(key) + after);
        return path;
    }

    /// <summary>None of them is in the text, nor what they become as the user's part of a header.</summary>
    public void AssertAbsent(string where, string text)
    {
        foreach (var (secret, key) in _all)
            Assert.False(text.Contains(secret, StringComparison.Ordinal)
                || text.Contains(Convert.ToBase64String(Encoding.UTF8.GetBytes($"user:{secret}")), StringComparison.Ordinal),
                    $"{where} shows the secret of {key}");
    }
}
