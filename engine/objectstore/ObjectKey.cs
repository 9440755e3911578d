using System.Diagnostics.CodeAnalysis;
using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Name of an object: parts joined by '/', as in <c>tenant/0d4c…/meta.json</c>. Validated once, here, so that a store may
/// build paths and URLs from it: no part can lead out of the store.
/// </summary>
public readonly struct ObjectKey : IEquatable<ObjectKey>
{
    /// <summary>Longest key in UTF-8 bytes: the limit of S3.</summary>
    public const int MaxSizeBytes = 1024;

    /// <summary>Longest part in UTF-8 bytes: the limit of file names.</summary>
    public const int MaxPartSizeBytes = 255;

    /// <summary>Names that begin so are a store's own unfinished files, and no part of a key.</summary>
    public const string ReservedPartPrefix = TenantId.ReservedPrefix;

    private readonly string? _value;

    private ObjectKey(string value) => _value = value;

    /// <summary>The folder of everything: the empty key. Names no object.</summary>
    public static ObjectKey Root => default;

    /// <summary>Whether this is <see cref="Root"/>.</summary>
    public bool IsRoot => string.IsNullOrEmpty(_value);

    /// <summary>
    /// Validates a name. False, with the reason, if it is empty or too long, begins or ends with '/', or has a part that is
    /// empty, '.', '..', reserved or too long, or a character that is a control character, a backslash, half a surrogate pair,
    /// or U+FFFD (which is what file names that are not UTF-8 turn into).
    /// </summary>
    public static bool TryParse(string name, out ObjectKey key, [NotNullWhen(false)] out string? error)
    {
        key = default;
        error = Check(name);
        if (error != null) return false;
        key = new ObjectKey(name);
        return true;
    }

    /// <summary>A name that the program itself made.</summary>
    /// <exception cref="ArgumentException">It is not valid; see <see cref="TryParse"/>.</exception>
    public static ObjectKey Parse(string name) =>
        TryParse(name, out var key, out var error) ? key : throw new ArgumentException(error, nameof(name));

    /// <summary>The key of <paramref name="name"/> (one part or more) in this folder.</summary>
    /// <exception cref="ArgumentException">The result is not valid.</exception>
    public ObjectKey Append(string name) => Parse(IsRoot ? name : $"{_value}/{name}");

    /// <summary>As <see cref="Append"/>, for a name found in a listing; false if the result is not valid.</summary>
    public bool TryAppend(string name, out ObjectKey key) => TryParse(IsRoot ? name : $"{_value}/{name}", out key, out _);

    /// <summary>The name; empty for <see cref="Root"/>.</summary>
    public override string ToString() => _value ?? "";

    /// <summary>The part after the last '/'.</summary>
    public string LastPart => ToString()[(ToString().LastIndexOf('/') + 1)..];

    public bool Equals(ObjectKey other) => ToString() == other.ToString();
    public override bool Equals(object? obj) => obj is ObjectKey other && Equals(other);
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);
    public static bool operator ==(ObjectKey left, ObjectKey right) => left.Equals(right);
    public static bool operator !=(ObjectKey left, ObjectKey right) => !left.Equals(right);

    private static string? Check(string name)
    {
        if (string.IsNullOrEmpty(name)) return "object key is empty";
        // Before anything looks at all of it. A UTF-16 unit is at least one byte.
        if (name.Length > MaxSizeBytes || Encoding.UTF8.GetByteCount(name) > MaxSizeBytes)
            return $"object key is longer than {MaxSizeBytes} bytes";

        foreach (var rune in name.EnumerateRunes())
        {
            // EnumerateRunes gives the replacement character for half a pair, too.
            if (Rune.IsControl(rune) || rune.Value is '\\' || rune == Rune.ReplacementChar)
                return $"object key has the character U+{rune.Value:X4}, which no key may have";
        }

        foreach (var range in name.AsSpan().Split('/'))
        {
            var error = CheckPart(name.AsSpan(range));
            if (error != null) return $"object key '{name}': {error}";
        }

        return null;
    }

    private static string? CheckPart(ReadOnlySpan<char> part) => part switch
    {
        "" => "a part is empty",
        "." or ".." => $"the part '{part}' could lead elsewhere",
        _ when part.StartsWith(ReservedPartPrefix, StringComparison.Ordinal) =>
            $"parts that begin with '{ReservedPartPrefix}' are reserved",
        _ when Encoding.UTF8.GetByteCount(part) > MaxPartSizeBytes => $"a part is longer than {MaxPartSizeBytes} bytes",
        _ => null,
    };
}
