using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Tags;

/// <summary>Values of an attribute, each once with how often it was seen, as long as there is room.</summary>
internal sealed class TagValueCollector(TagRoom room, int maxValues)
{
    private readonly TextMemory _memory = TextMemory.Rent();
    private readonly Dictionary<(CatalogValueType Type, long Bits), long> _numbers = [];
    private int _textCount;
    private SeenTexts? _seen;

    /// <summary>More would not be answered: what is left need not be looked at.</summary>
    public bool HasEnough => room.IsFull || maxValues > 0 && _textCount + _numbers.Count >= maxValues;

    public void AddText(ReadOnlySpan<byte> text, long count)
    {
        var code = room.IsFull ? _memory.TryFind(text) : _memory.Intern(text);
        if (code < 0) return;
        if (_memory.Counts[code] == 0)
        {
            if (!room.TryTake(text.Length)) return;
            _textCount++;
        }

        _memory.Counts[code] += count;
    }

    public void AddNumber(CatalogValueType type, long bits, long count)
    {
        var value = (type, bits);
        if (!_numbers.TryGetValue(value, out var known) && !room.TryTake(NumberText(type, bits).Length)) return;
        _numbers[value] = known + count;
    }

    /// <summary>
    /// For texts by their codes in a table, each of which counts once, however often it is handed in. A row group's pages mostly share a
    /// table, so its marks are kept from page to page; but for who asks for the most frequent values, which are those of most pages.
    /// </summary>
    public SeenTexts Seen(StringTable table, bool skipEmpty = false)
    {
        if (maxValues > 0 || _seen is null || !_seen.IsOf(table, skipEmpty)) _seen = new SeenTexts(table, this, skipEmpty);
        return _seen;
    }

    /// <summary>The values by type, then by value (texts byte by byte). Of more than are asked for the most frequent ones.</summary>
    public void WriteTo(List<TagValueResult> results)
    {
        var texts = new int[_textCount];
        for (int code = 0, n = 0; n < texts.Length; code++)
            if (_memory.Counts[code] > 0)
                texts[n++] = code;
        IEnumerable<(CatalogValueType Type, long Bits)> numbers = _numbers.Keys;
        if (maxValues > 0 && _textCount + _numbers.Count > maxValues)
        {
            var most = texts.Select(code => (Key: (Type: CatalogValueType.Text, Bits: (long)code), Count: _memory.Counts[code]))
                .Concat(_numbers.Select(static number => (number.Key, Count: number.Value)))
                .OrderByDescending(static value => value.Count).ThenBy(static value => value.Key).Take(maxValues)
                .Select(static value => value.Key).ToList();
            texts = [.. most.Where(static value => value.Type == CatalogValueType.Text).Select(static value => (int)value.Bits)];
            numbers = most.Where(static value => value.Type != CatalogValueType.Text);
        }

        Sort(texts);
        results.EnsureCapacity(results.Count + texts.Length + _numbers.Count);
        foreach (var code in texts) results.Add(new TagValueResult("string", Decode(_memory.Texts[code])));
        results.AddRange(numbers
            .Select(value => (value.Type, Number: NumberOf(value), Text: NumberText(value.Type, value.Bits)))
            .OrderBy(static value => value.Type).ThenBy(static value => value.Number)
            .ThenBy(static value => value.Text, StringComparer.Ordinal)
            .Select(static value => new TagValueResult(NameOf(value.Type), value.Text)));
    }

    // By their first eight bytes as numbers, and those that have the same ones by all.
    private void Sort(int[] codes)
    {
        var prefixes = new ulong[codes.Length];
        for (var i = 0; i < codes.Length; i++) prefixes[i] = Prefix(_memory.Texts[codes[i]]);
        Array.Sort(prefixes, codes);
        for (int start = 0, i = 1; i <= codes.Length; i++)
        {
            if (i < codes.Length && prefixes[i] == prefixes[start]) continue;
            if (i - start > 1) codes.AsSpan(start, i - start).Sort((a, b) => _memory.Texts[a].SequenceCompareTo(_memory.Texts[b]));
            start = i;
        }
    }

    // Nearly all texts are ASCII, whose bytes are widened without being looked at twice.
    private static string Decode(ReadOnlySpan<byte> text) =>
        Ascii.IsValid(text) ? Encoding.Latin1.GetString(text) : Encoding.UTF8.GetString(text);

    private static ulong Prefix(ReadOnlySpan<byte> text)
    {
        if (text.Length >= sizeof(ulong)) return BinaryPrimitives.ReadUInt64BigEndian(text);
        Span<byte> padded = stackalloc byte[sizeof(ulong)];
        padded.Clear();
        text.CopyTo(padded);
        return BinaryPrimitives.ReadUInt64BigEndian(padded);
    }

    /// <summary>Gives memory back; nothing is collected any more.</summary>
    public void Release() => _memory.Return();

    private static string NumberText(CatalogValueType type, long bits) => type switch
    {
        CatalogValueType.Int => bits.ToString(CultureInfo.InvariantCulture),
        CatalogValueType.Double => FloatText(BitConverter.Int64BitsToDouble(bits)),
        _ => bits != 0 ? "true" : "false",
    };

    // As Go writes a float by its shortest digits.
    private static string FloatText(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf"
            : double.IsNegativeInfinity(value) ? "-Inf"
            : value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');

    private static double NumberOf((CatalogValueType Type, long Bits) value) => value.Type switch
    {
        CatalogValueType.Double => BitConverter.Int64BitsToDouble(value.Bits),
        _ => value.Bits,
    };

    private static string NameOf(CatalogValueType type) => type switch
    {
        CatalogValueType.Int => "int",
        CatalogValueType.Double => "float",
        _ => "bool",
    };
}
