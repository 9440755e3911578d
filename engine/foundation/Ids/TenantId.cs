using System.Buffers;

namespace Tempo.Engine.Foundation;

/// <summary>
/// A tenant id that has been validated: 1 to 150 of <c>[0-9A-Za-z!-_.*'()]</c>, and not "." or "..", nor one that is the name of a
/// file beside the tenants' folders. Because only such a value can exist, it is safe as a folder name and as a part of every key.
/// </summary>
public readonly struct TenantId : IEquatable<TenantId>
{
    /// <summary>Longest id, in characters.</summary>
    public const int MaxLength = 150;

    /// <summary>Names that begin so are the unfinished files of a store.</summary>
    public const string ReservedPrefix = ".put-";

    /// <summary>The lock of the folder of blocks.</summary>
    public const string BlocksLock = "blocks.lock";

    /// <summary>What Tempo keeps beside the tenants of a bucket or folder.</summary>
    private const string TempoSeed = "tempo_cluster_seed.json";

    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!-_.*'()");

    /// <summary>The tenant of every request while multitenancy is off.</summary>
    public static readonly TenantId Single = new("single-tenant");

    private readonly string? _value;

    private TenantId(string value) => _value = value;

    /// <summary>The id as text. The default value reads as the single tenant, so that no code path is without one.</summary>
    public string Value => _value ?? "single-tenant";

    /// <summary>
    /// Validates a tenant id. On false <paramref name="error"/> is the text Tempo's clients know.
    /// </summary>
    public static bool TryParse(string? text, out TenantId tenant, out string error)
    {
        tenant = default;
        error = "";
        if (string.IsNullOrEmpty(text))
        {
            error = "no org id";
            return false;
        }

        var bad = text.AsSpan().IndexOfAnyExcept(Allowed);
        if (bad >= 0) error = $"tenant ID '{Printable(text)}' contains unsupported character '{Printable(text[bad].ToString())}'";
        else if (text.Length > MaxLength) error = $"tenant ID is too long: max {MaxLength} characters";
        else if (text is "." or "..") error = "tenant ID is '.' or '..'";
        else if (text is BlocksLock or TempoSeed || text.StartsWith(ReservedPrefix, StringComparison.Ordinal))
            error = $"tenant ID '{text}' is a name of the store's own files";
        else tenant = new TenantId(text);
        return error.Length == 0;
    }

    // What a stranger sent is echoed only in part, and never with control characters.
    private static string Printable(string text)
    {
        var cut = text.Length > MaxLength ? text[..MaxLength] : text;
        return string.Create(cut.Length, cut, static (chars, source) =>
        {
            for (var i = 0; i < chars.Length; i++) chars[i] = char.IsControl(source[i]) ? '?' : source[i];
        });
    }

    public override string ToString() => Value;
    public bool Equals(TenantId other) => Value == other.Value;
    public override bool Equals(object? obj) => obj is TenantId other && Equals(other);
    public override int GetHashCode() => Value.GetHashCode(StringComparison.Ordinal);
    public static bool operator ==(TenantId left, TenantId right) => left.Equals(right);
    public static bool operator !=(TenantId left, TenantId right) => !left.Equals(right);
}
