using System.Buffers;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Compaction.LargeRows;

/// <summary>Entries of one leaf, levels and values, on their way from one page to another.</summary>
internal sealed class EntryBuffer(ParquetColumn column)
{
    private readonly ByteArrayTable _texts = new();
    private readonly ArrayBufferWriter<byte> _encodedRepetition = new();
    private readonly ArrayBufferWriter<byte> _encodedDefinition = new();
    private byte[] _repetition = [];
    private byte[] _definition = [];
    private long[] _numbers = [];
    private double[] _doubles = [];
    private int[] _small = [];
    private int _count;
    private int _valueCount;

    public void Clear()
    {
        (_count, _valueCount) = (0, 0);
        _texts.Clear();
    }

    /// <summary>Adds an entry of what was read, with its value, if it has one.</summary>
    public void Add(ColumnData source, int entry, int value, bool hasValue)
    {
        AddLevels(column.MaxRepetitionLevel > 0 ? source.RepetitionLevels[entry] : (byte)0,
            column.MaxDefinitionLevel > 0 ? source.DefinitionLevels[entry] : (byte)0);
        if (!hasValue) return;
        switch (column.Type)
        {
            case PhysicalType.Int32: AddNumber(source.Int32s[value]); break;
            case PhysicalType.Int64: AddNumber(source.Int64s[value]); break;
            case PhysicalType.Boolean: AddNumber(source.Booleans[value]); break;
            case PhysicalType.Double:
                GrowableArray.Reserve(ref _doubles, _valueCount + 1);
                _doubles[_valueCount++] = source.Doubles[value];
                break;
            default:
                _texts.Append(source.Table[source.Codes[value]]);
                _valueCount++;
                break;
        }
    }

    /// <summary>Adds all entries of another buffer.</summary>
    public void AddAll(EntryBuffer other)
    {
        for (var entry = 0; entry < other._count; entry++) AddLevels(other._repetition[entry], other._definition[entry]);
        GrowableArray.Reserve(ref _numbers, _valueCount + other._valueCount);
        GrowableArray.Reserve(ref _doubles, _valueCount + other._valueCount);
        if (other._numbers.Length >= other._valueCount) other._numbers.AsSpan(0, other._valueCount).CopyTo(_numbers.AsSpan(_valueCount));
        if (other._doubles.Length >= other._valueCount) other._doubles.AsSpan(0, other._valueCount).CopyTo(_doubles.AsSpan(_valueCount));
        _texts.AppendAll(other._texts);
        _valueCount += other._valueCount;
    }

    /// <summary>Writes the entries as a page of one row.</summary>
    public void WriteRow(ColumnChunkWriter chunk)
    {
        if (_count > 0) _repetition[0] = 0;
        var levels = new PageLevels
        {
            RowCount = 1,
            LevelCount = _count,
            NullCount = _count - _valueCount,
            Repetition = Encode(_repetition, column.MaxRepetitionLevel, _encodedRepetition),
            Definition = Encode(_definition, column.MaxDefinitionLevel, _encodedDefinition),
        };
        switch (column.Type)
        {
            case PhysicalType.Int32:
                GrowableArray.Reserve(ref _small, _valueCount);
                for (var i = 0; i < _valueCount; i++) _small[i] = (int)_numbers[i];
                chunk.WritePlain(levels, _small.AsSpan(0, _valueCount));
                break;
            case PhysicalType.Int64:
                chunk.WritePlain(levels, _numbers.AsSpan(0, _valueCount));
                break;
            case PhysicalType.Boolean:
                var bits = new byte[_valueCount];
                for (var i = 0; i < bits.Length; i++) bits[i] = (byte)_numbers[i];
                chunk.WriteBooleans(levels, bits);
                break;
            case PhysicalType.Double:
                chunk.WritePlain(levels, _doubles.AsSpan(0, _valueCount));
                break;
            default:
                chunk.WritePlain(levels, new ByteArrayValues(_texts));
                break;
        }
    }

    private void AddLevels(byte repetition, byte definition)
    {
        GrowableArray.Reserve(ref _repetition, _count + 1);
        GrowableArray.Reserve(ref _definition, _count + 1);
        _repetition[_count] = repetition;
        _definition[_count++] = definition;
    }

    private void AddNumber(long number)
    {
        GrowableArray.Reserve(ref _numbers, _valueCount + 1);
        _numbers[_valueCount++] = number;
    }

    private ReadOnlySpan<byte> Encode(byte[] levels, int maxLevel, ArrayBufferWriter<byte> output)
    {
        if (maxLevel == 0) return [];
        output.ResetWrittenCount();
        LevelEncoder.Encode(levels.AsSpan(0, _count), maxLevel, output);
        return output.WrittenSpan;
    }
}
