using System.Globalization;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// The names in the log's folder:
/// <code>
/// lock                                     held while the log is open
/// epoch-(epoch:8)-(identity:16)            empty; the name is the state
/// (generation:16)-(index:8).wal            a segment; the upper half of the generation is the epoch that made it
/// spare-(number:8)                         an allocated file that waits to become a segment
/// quarantine/(generation:16)-(index:8).wal a damaged segment of a released generation
/// </code>
/// All numbers are lower-case hexadecimal, so that the ordinal order of the names is that of the numbers.
/// </summary>
internal static class SegmentNames
{
    public const string Lock = "lock";
    public const string Quarantine = "quarantine";
    private const string Extension = ".wal";
    private const string SparePrefix = "spare-";
    private const string EpochPrefix = "epoch-";

    public static string Segment(ulong generation, uint index) => $"{generation:x16}-{index:x8}{Extension}";

    public static string Spare(uint number) => $"{SparePrefix}{number:x8}";

    public static string Epoch(uint epoch, ulong identity) => $"{EpochPrefix}{epoch:x8}-{identity:x16}";

    public static bool TryParseSegment(string name, out ulong generation, out uint index)
    {
        generation = 0;
        index = 0;
        return name.Length == 16 + 1 + 8 + Extension.Length && name[16] == '-' && name.EndsWith(Extension, StringComparison.Ordinal)
            && TryHex(name.AsSpan(0, 16), out generation) && TryHex(name.AsSpan(17, 8), out var wide) && (index = (uint)wide) == wide;
    }

    public static bool TryParseSpare(string name, out uint number)
    {
        number = 0;
        return name.Length == SparePrefix.Length + 8 && name.StartsWith(SparePrefix, StringComparison.Ordinal)
            && TryHex(name.AsSpan(SparePrefix.Length), out var wide) && (number = (uint)wide) == wide;
    }

    public static bool TryParseEpoch(string name, out uint epoch, out ulong identity)
    {
        epoch = 0;
        identity = 0;
        return name.Length == EpochPrefix.Length + 8 + 1 + 16 && name.StartsWith(EpochPrefix, StringComparison.Ordinal) && name[^17] == '-'
            && TryHex(name.AsSpan(EpochPrefix.Length, 8), out var wide) && (epoch = (uint)wide) == wide
            && TryHex(name.AsSpan(name.Length - 16), out identity);
    }

    // Upper case is refused: a name that this build would write differently must not be taken for its own.
    private static bool TryHex(ReadOnlySpan<char> text, out ulong value)
    {
        value = 0;
        return !text.ContainsAnyInRange('A', 'F')
            && ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
