using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Compare;

/// <summary>
/// The numbers of values that generic attributes have, without hashing a text each time it is met: all attributes of a row group share a
/// table of texts, and a text is mostly one attribute's. So for each entry the attribute it was last met at is remembered, and its number
/// there; numbers that are no texts in a small table of those met lately. Not thread safe.
/// </summary>
internal sealed class CompareTexts(CompareAttributes attributes)
{
    /// <summary>Numbers remembered: as many as a core's cache holds beside the page.</summary>
    private const int RecentNumbers = 4096;

    private readonly Recent[] _recent = new Recent[RecentNumbers];
    private StringTable _table = StringTable.None;

    // By code: the attribute plus 1, and the value's number.
    private (int Attribute, int Value)[] _known = [];

    /// <summary>From now on codes are of this table.</summary>
    public void Begin(StringTable table)
    {
        if (ReferenceEquals(_table, table)) return;
        _table = table;
        if (_known.Length < table.Count) _known = new (int, int)[table.Count];
        else _known.AsSpan(0, table.Count).Clear();
    }

    /// <summary>The number of a text by its code.</summary>
    public int IdOfText(int attribute, int code)
    {
        ref var known = ref _known[code];
        if (known.Attribute != attribute + 1) known = (attribute + 1, attributes.IdOf(attribute, FieldValue.Text(_table, code)));
        return known.Value;
    }

    /// <summary>The number of what is no text.</summary>
    public int IdOf(int attribute, FieldType type, long bits)
    {
        var hash = ((ulong)bits + ((ulong)(uint)attribute << 48)) * 0x9E3779B97F4A7C15UL;
        ref var recent = ref _recent[hash >> 52];
        if (recent.Bits == bits && recent.Attribute == attribute + 1 && recent.Type == type) return recent.Value;
        var value = attributes.IdOf(
            attribute, type == FieldType.Float ? FieldValue.Float(BitConverter.Int64BitsToDouble(bits)) : FieldValue.Number(type, bits));
        recent = new Recent(bits, attribute + 1, value, type);
        return value;
    }

    private readonly record struct Recent(long Bits, int Attribute, int Value, FieldType Type);
}
