using System.Buffers.Binary;
using System.Text;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Query.Metrics.Series;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics.Keys;

/// <summary>
/// Numbers the values that a field takes: equal value of equal type, equal number; 0 is nil. Arrays of several elements
/// count as nil. Labels are made when they are asked for: most values of a large table are in no answer, and an object for each of
/// a hundred thousand is what the collector takes its time with. Not thread safe.
/// </summary>
internal sealed class ValueTable(MemoryBudget budget, int expectedCount = 64, int expectedBytes = 1024, bool isRented = false)
{
    /// <summary>What is charged for a value besides its bytes: a slot, an offset, the label.</summary>
    private const int EntryBytes = 64;

    private readonly InternTable _bytes = new(expectedCount, expectedBytes, isRented);
    private object?[] _labels = [];
    private byte[] _key = new byte[expectedBytes];

    public int Count => _bytes.Count;

    /// <summary>The value as a label shows it, the same object each time; null for nil.</summary>
    public object? Label(int id)
    {
        if (id == 0) return null;
        if (id >= _labels.Length) Array.Resize(ref _labels, Math.Max(id + 1, Math.Min(Count, _labels.Length * 2)));
        return _labels[id] ??= LabelOf(_bytes[id]);
    }

    /// <summary>The order of two labels (<see cref="LabelOrder"/>), which need not be made for it.</summary>
    public int CompareLabels(int a, int b)
    {
        var left = _bytes[a];
        var right = _bytes[b];
        return (TypeOf(left), TypeOf(right)) switch
        {
            (FieldType.String, FieldType.String) => left.SequenceCompareTo(right),
            (FieldType.Int, FieldType.Int) => BitsOf(left).CompareTo(BitsOf(right)),
            _ => LabelOrder.CompareValues(LabelOf(left), LabelOf(right)),
        };
    }

    private static object LabelOf(ReadOnlySpan<byte> key) => TypeOf(key) switch
    {
        FieldType.Nil => ShownValue.Nil,
        FieldType.String => Encoding.UTF8.GetString(key[1..]),
        var type => ShownValue.Of(FieldValue.Number(type, BitsOf(key))),
    };

    private static long BitsOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadInt64LittleEndian(key[1..]);

    private static FieldType TypeOf(ReadOnlySpan<byte> key) => key.IsEmpty ? FieldType.Nil : (FieldType)key[0];

    /// <summary>The bytes that stand for a value in every table; empty for nil.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => _bytes[id];

    /// <summary>Gives memory back, if it was rented; nothing is asked of the table any more.</summary>
    public void Release() => _bytes.Release();

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

        if (_bytes.Count != known) Charge(id);
        return id;
    }

    /// <summary>The number that a value of another table has here.</summary>
    public int InternFrom(ValueTable other, int id)
    {
        if (id == 0) return 0;
        var known = _bytes.Count;
        var own = _bytes.Intern(other._bytes[id]);
        if (_bytes.Count != known) Charge(own);
        return own;
    }

    /// <summary>Writes all values but nil, in the order of their numbers.</summary>
    public void Write(PartWriter writer)
    {
        writer.Count(Count - 1);
        for (var id = 1; id < Count; id++) writer.Bytes(_bytes[id]);
    }

    /// <summary>Reads them into a table that is empty.</summary>
    public void Read(ref PartReader reader)
    {
        const string what = "a value of a label";
        var count = reader.CountOf(2, what);
        for (var id = 1; id <= count; id++)
        {
            var value = reader.Bytes(what);
            if (!IsValue(value) || _bytes.Intern(value) != id) throw reader.Bad(what);
            Charge(id);
        }
    }

    // Of a type that is interned, and such that the label can be shown.
    private static bool IsValue(ReadOnlySpan<byte> key) => TypeOf(key) switch
    {
        FieldType.Nil or FieldType.Array or FieldType.Unknown or > FieldType.Unknown => false,
        FieldType.String => true,
        _ when key.Length != 1 + sizeof(long) => false,
        FieldType.Status => BitsOf(key) is >= 0 and <= (long)TraceQlStatus.Error,
        FieldType.Kind => BitsOf(key) is >= 0 and <= (long)TraceQlKind.Consumer,
        _ => true,
    };

    private void Charge(int id) => budget.Charge(EntryBytes + _bytes[id].Length * 3L, "label values");
}
