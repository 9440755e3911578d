using System.Buffers.Binary;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Keys;

/// <summary>
/// Numbers the values that a field takes: equal value of equal type, equal number; 0 is nil. Arrays of several elements
/// count as nil. Not thread safe.
/// </summary>
internal sealed class ValueTable(MemoryBudget budget, int expectedCount = 64, int expectedBytes = 1024)
{
    /// <summary>What is charged for a value besides its bytes: a slot, an offset, the label.</summary>
    private const int EntryBytes = 64;

    private readonly InternTable _bytes = new(expectedCount, expectedBytes);
    private readonly List<object?> _labels = [null];
    private byte[] _key = new byte[expectedBytes];

    public int Count => _labels.Count;

    /// <summary>The value as a label shows it; null for nil.</summary>
    public object? Label(int id) => _labels[id];

    /// <summary>The bytes that stand for a value in every table; empty for nil.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => _bytes[id];

    public int Intern(in FieldValue value)
    {
        if (value.Type is FieldType.Nil or FieldType.Array or FieldType.Unknown) return 0;
        var known = _bytes.Count;
        int id;
        if (value.Type == FieldType.String)
        {
            var text = value.Utf8;
            if (text.Length >= _key.Length) _key = new byte[text.Length * 2];
            _key[0] = (byte)FieldType.String;
            text.CopyTo(_key.AsSpan(1));
            id = _bytes.Intern(_key.AsSpan(0, text.Length + 1));
        }
        else
        {
            _key[0] = (byte)value.Type;
            BinaryPrimitives.WriteInt64LittleEndian(_key.AsSpan(1), value.Bits);
            id = _bytes.Intern(_key.AsSpan(0, 1 + sizeof(long)));
        }

        if (_bytes.Count != known) Add(ShownValue.Of(value), id);
        return id;
    }

    /// <summary>The number that a value of another table has here.</summary>
    public int InternFrom(ValueTable other, int id)
    {
        if (id == 0) return 0;
        var known = _bytes.Count;
        var own = _bytes.Intern(other._bytes[id]);
        if (_bytes.Count != known) Add(other._labels[id], own);
        return own;
    }

    private void Add(object? label, int id)
    {
        budget.Charge(EntryBytes + _bytes[id].Length * 3L, "label values");
        _labels.Add(label);
    }
}
