using System.Globalization;
using System.Text;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Tags;

/// <summary>Values of an attribute, each once with how often it was seen, up to a number of bytes.</summary>
internal sealed class TagValueCollector(long maxBytes, int maxValues)
{
    private readonly InternTable _texts = new();
    private readonly Dictionary<(CatalogValueType Type, long Bits), long> _counts = [];
    private long _bytes;

    /// <summary>A value was left out because of the bytes.</summary>
    public bool IsFull { get; private set; }

    /// <summary>More would not be answered: what is left need not be looked at.</summary>
    public bool HasEnough => IsFull || maxValues > 0 && _counts.Count >= maxValues;

    public void AddText(ReadOnlySpan<byte> text, long count)
    {
        var code = _texts.TryFind(text);
        if (code < 0 || !_counts.ContainsKey((CatalogValueType.Text, code)))
        {
            if (!TryTake(text.Length)) return;
            code = _texts.Intern(text);
        }

        Count((CatalogValueType.Text, code), count);
    }

    public void AddNumber(CatalogValueType type, long bits, long count)
    {
        var value = (type, bits);
        if (!_counts.ContainsKey(value) && !TryTake(TextOf(type, bits).Length)) return;
        Count(value, count);
    }

    /// <summary>The values by type, then by value. Of more than are asked for the most frequent ones.</summary>
    public void WriteTo(List<TagValueResult> results)
    {
        IEnumerable<KeyValuePair<(CatalogValueType Type, long Bits), long>> values = _counts;
        if (maxValues > 0) values = values.OrderByDescending(static value => value.Value).ThenBy(static value => value.Key).Take(maxValues);
        results.AddRange(values
            .Select(value => (value.Key.Type, Number: NumberOf(value.Key), Text: TextOf(value.Key.Type, value.Key.Bits)))
            .OrderBy(static value => value.Type).ThenBy(static value => value.Number).ThenBy(static value => value.Text, StringComparer.Ordinal)
            .Select(static value => new TagValueResult(NameOf(value.Type), value.Text)));
    }

    private bool TryTake(int bytes)
    {
        if (_bytes + bytes > maxBytes) IsFull = true;
        else _bytes += bytes;
        return !IsFull;
    }

    private void Count((CatalogValueType, long) value, long count) => _counts[value] = _counts.GetValueOrDefault(value) + count;

    private string TextOf(CatalogValueType type, long bits) => type switch
    {
        CatalogValueType.Text => Encoding.UTF8.GetString(_texts[(int)bits]),
        CatalogValueType.Int => bits.ToString(CultureInfo.InvariantCulture),
        CatalogValueType.Double => FloatText(BitConverter.Int64BitsToDouble(bits)),
        _ => bits != 0 ? "true" : "false",
    };

    // As Go writes a float by its shortest digits.
    private static string FloatText(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');

    private static double NumberOf((CatalogValueType Type, long Bits) value) => value.Type switch
    {
        CatalogValueType.Text => 0,
        CatalogValueType.Double => BitConverter.Int64BitsToDouble(value.Bits),
        _ => value.Bits,
    };

    private static string NameOf(CatalogValueType type) => type switch
    {
        CatalogValueType.Text => "string",
        CatalogValueType.Int => "int",
        CatalogValueType.Double => "float",
        _ => "bool",
    };
}
