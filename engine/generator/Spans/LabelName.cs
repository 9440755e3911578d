using System.Text;

namespace Tempo.Engine.Generator.Spans;

/// <summary>Attribute names as Prometheus label names: <c>http.status_code</c> → <c>http_status_code</c>.</summary>
public static class LabelName
{
    /// <summary>A name that a digit begins gets <c>_</c> in front; every byte that a label name may not have becomes one.</summary>
    public static string Of(string attribute)
    {
        Span<byte> name = new byte[Encoding.UTF8.GetByteCount(attribute) + 1];
        var bytes = Encoding.UTF8.GetBytes(attribute);
        return Encoding.ASCII.GetString(name[..Write(bytes, name)]);
    }

    /// <summary>The same, with <c>__</c> in front of a name that is taken.</summary>
    internal static string Of(string attribute, IReadOnlySet<string> taken) =>
        Of(attribute) is var name && taken.Contains(name) ? "__" + name : name;

    /// <summary>The same over bytes; <paramref name="name"/> has one byte more than the attribute. Returns the length.</summary>
    public static int Write(ReadOnlySpan<byte> attribute, Span<byte> name)
    {
        var length = 0;
        if (attribute.Length > 0 && attribute[0] is >= (byte)'0' and <= (byte)'9') name[length++] = (byte)'_';
        foreach (var b in attribute)
        {
            // Of a character of several bytes only the first leaves a mark.
            if ((b & 0xC0) == 0x80) continue;
            name[length++] = IsNameByte(b) ? b : (byte)'_';
        }

        return length;
    }

    /// <summary>A label name as every Prometheus takes it.</summary>
    public static bool IsValid(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(static c => char.IsAsciiLetterOrDigit(c) || c == '_');

    /// <summary>
    /// The two names that no attribute may have, since they are a series' own: <c>__name__</c> on any, <c>le</c> on a histogram's
    /// buckets. Twice the same name on a line of a page makes the whole page unreadable.
    /// </summary>
    internal static bool IsOfSeries(ReadOnlySpan<byte> name) => name.SequenceEqual("__name__"u8) || name.SequenceEqual("le"u8);

    private static bool IsNameByte(byte b) =>
        b is (>= (byte)'a' and <= (byte)'z') or (>= (byte)'A' and <= (byte)'Z') or (>= (byte)'0' and <= (byte)'9') or (byte)'_';

    /// <summary>
    /// Names for attributes that must not meet the <paramref name="taken"/> ones: such a name gets <c>__</c> in front. An
    /// attribute whose name is there already under another spelling, or is a series' own, is left out (null).
    /// </summary>
    internal static string? Distinct(string attribute, IReadOnlySet<string> taken, ISet<string> used)
    {
        var name = Of(attribute, taken);
        return name.Length > 0 && !IsOfSeries(Encoding.ASCII.GetBytes(name)) && used.Add(name) ? name : null;
    }
}
