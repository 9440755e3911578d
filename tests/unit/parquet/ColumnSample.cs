using System.Buffers;
using Tempo.Engine.Parquet;

namespace Tempo.Parquet.Tests;

/// <summary>
/// Made-up content of one leaf: levels row by row, and as many values as there are entries at the maximum definition level.
/// </summary>
internal sealed class ColumnSample
{
    private readonly ParquetColumn _column;
    private readonly List<int> _rowStarts = [];
    private readonly List<byte> _repetition = [];
    private readonly List<byte> _definition = [];
    private readonly List<int> _valueStarts = [0];

    /// <summary>Rows of 0 to 8 entries where the leaf repeats, with nulls of every depth where it may have them.</summary>
    public ColumnSample(ParquetColumn column, int rowCount, int seed)
    {
        _column = column;
        var random = new Random(seed);
        for (var row = 0; row < rowCount; row++)
        {
            _rowStarts.Add(_repetition.Count);
            var entries = column.MaxRepetitionLevel == 0 ? 1 : random.Next(1, 9);
            for (var i = 0; i < entries; i++)
            {
                _repetition.Add((byte)(i == 0 ? 0 : random.Next(1, column.MaxRepetitionLevel + 1)));
                var isNull = column.MaxDefinitionLevel > 0 && random.Next(4) == 0;
                _definition.Add((byte)(isNull ? random.Next(column.MaxDefinitionLevel) : column.MaxDefinitionLevel));
                _valueStarts.Add(_valueStarts[^1] + (isNull ? 0 : 1));
            }
        }

        _rowStarts.Add(_repetition.Count);
        ValueCount = _valueStarts[^1];
        Longs = new long[ValueCount];
        Strings = new byte[ValueCount][];
        Codes = new int[ValueCount];
        for (var i = 0; i < 23; i++) Dictionary.Append(Text(i));
        for (var i = 0; i < ValueCount; i++)
        {
            Longs[i] = random.NextInt64(-1000, 1_000_000_000_000);
            Strings[i] = Text(random.Next(10_000));
            Codes[i] = random.Next(Dictionary.Count);
        }
    }

    public int ValueCount { get; }

    public long[] Longs { get; }

    public int[] Ints => [.. Longs.Select(static v => (int)v)];

    public double[] Doubles => [.. Longs.Select(static v => v / 7.0)];

    public byte[] Booleans => [.. Longs.Select(static v => (byte)(v & 1))];

    /// <summary>Strings of 4 to 12 bytes.</summary>
    public byte[][] Strings { get; }

    /// <summary>Indices into <see cref="Dictionary"/>.</summary>
    public int[] Codes { get; }

    public ByteArrayTable Dictionary { get; } = new();

    public (int First, int End) Levels(int rowStart, int rowEnd) => (_rowStarts[rowStart], _rowStarts[rowEnd]);

    public (int First, int End) Values(int rowStart, int rowEnd) => (_valueStarts[_rowStarts[rowStart]], _valueStarts[_rowStarts[rowEnd]]);

    public byte[] Repetition(int rowStart, int rowEnd) => [.. _repetition[_rowStarts[rowStart].._rowStarts[rowEnd]]];

    public byte[] Definition(int rowStart, int rowEnd) => [.. _definition[_rowStarts[rowStart].._rowStarts[rowEnd]]];

    /// <summary>The encoded structure of these rows.</summary>
    public PageLevels EncodeLevels(int rowStart, int rowEnd)
    {
        var (first, end) = Levels(rowStart, rowEnd);
        var (firstValue, endValue) = Values(rowStart, rowEnd);
        return new PageLevels
        {
            RowCount = rowEnd - rowStart,
            LevelCount = end - first,
            NullCount = end - first - (endValue - firstValue),
            Repetition = Encode(Repetition(rowStart, rowEnd), _column.MaxRepetitionLevel),
            Definition = Encode(Definition(rowStart, rowEnd), _column.MaxDefinitionLevel),
        };
    }

    public static byte[] Encode(byte[] levels, int maxLevel)
    {
        if (maxLevel == 0) return [];
        var output = new ArrayBufferWriter<byte>();
        LevelEncoder.Encode(levels, maxLevel, output);
        return output.WrittenSpan.ToArray();
    }

    public ByteArrayTable StringTable(int first, int end)
    {
        var table = new ByteArrayTable();
        foreach (var value in Strings[first..end]) table.Append(value);
        return table;
    }

    private static byte[] Text(int i) => [.. "text"u8, .. new byte[i % 9].Select((_, j) => (byte)('a' + ((i >> j) & 15)))];
}
