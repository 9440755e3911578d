using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

// For readers that keep the data of several columns at once.
internal sealed partial class RowGroupColumns
{
    /// <summary>Reads the selected rows of a column.</summary>
    public void Load(string path, ColumnData data)
    {
        var reader = Reader(path);
        Approach(path);
        reader.Read(RowStart, RowCount, data);
        ReadBytes += reader.Chunk.CompressedSizeBytes * RowCount / Math.Max(1, reader.RowCount);
    }

    /// <summary>The selected rows of a column as one page that is not decoded; false if they are none.</summary>
    public bool TryLoadPage(string path, EncodedPage page)
    {
        var reader = Reader(path);
        Approach(path);
        if (!reader.TryReadPage(RowStart, RowCount, page)) return false;
        ReadBytes += reader.Chunk.CompressedSizeBytes * RowCount / Math.Max(1, reader.RowCount);
        return true;
    }

    /// <summary>Bytes of the file that were read, by the rows' share of each chunk.</summary>
    public long ReadBytes { get; private set; }

    /// <summary>The footer says that no entry of the column has a value in this row group.</summary>
    public bool IsWithoutValues(string path) =>
        !Has(path) || Reader(path).Chunk is { Statistics.NullCount: var nulls, ValueCount: var entries } && nulls == entries;

    /// <summary>
    /// The one number that an INT32 column has wherever it has one, if the footer says so: most counts are 0 in all of a row group.
    /// </summary>
    private int? IsAlways(string path) =>
        Reader(path).Chunk.Statistics is { Min: { Length: sizeof(int) } min, Max: { Length: sizeof(int) } max }
            && min.AsSpan().SequenceEqual(max) ? BinaryPrimitives.ReadInt32LittleEndian(min) : null;

    /// <summary>
    /// Bounds of an unsigned INT64 column, inclusive; everything if they are not known, or where writers order such numbers as
    /// signed ones.
    /// </summary>
    public (ulong Min, ulong Max) Bounds(string path)
    {
        const ulong SignBit = 1UL << 63;
        if (!Has(path) || Reader(path).Chunk.Statistics is not { Min: { Length: sizeof(ulong) } min, Max: { Length: sizeof(ulong) } max })
            return (0, ulong.MaxValue);
        var (low, high) = (BinaryPrimitives.ReadUInt64LittleEndian(min), BinaryPrimitives.ReadUInt64LittleEndian(max));
        return low <= high && high < SignBit ? (low, high) : (0, ulong.MaxValue);
    }

    /// <summary>All strings that the column has in this row group, if its dictionary holds them all.</summary>
    public bool TryGetDictionary(string path, [NotNullWhen(true)] out StringTable? table)
    {
        table = null;
        return Has(path) && Reader(path).Chunk.IsDictionaryOnly && TryGetWrittenDictionary(path, out table);
    }

    /// <summary>The strings of the column's dictionary; other strings of the row group may not be there.</summary>
    public bool TryGetWrittenDictionary(string path, [NotNullWhen(true)] out StringTable? table)
    {
        table = null;
        if (!Has(path) || Reader(path).Dictionary is not { } dictionary) return false;
        if (!_tables.TryGetValue(path, out table))
            _tables.Add(path, table =
                new StringTable(dictionary.Strings.Arrays.Bytes, dictionary.Strings.Arrays.Offsets, dictionary.Strings.Count));
        return true;
    }

    /// <summary>As <see cref="Table(string, ref RefilledStringTable?)"/>, of data read by <see cref="Load(string, ColumnData)"/>.</summary>
    public StringTable Table(string path, ColumnData data, ref RefilledStringTable? own)
    {
        var strings = data.Table;
        if (Reader(path).LoadedDictionary is { } dictionary && ReferenceEquals(dictionary.Strings, strings))
        {
            if (!_tables.TryGetValue(path, out var kept))
                _tables.Add(path, kept = new StringTable(strings.Arrays.Bytes, strings.Arrays.Offsets, strings.Count));
            return kept;
        }

        own ??= new RefilledStringTable();
        own.Begin(strings.Count, strings.SizeBytes);
        own.Add(strings.Offsets, strings.Bytes);
        return own.Filled();
    }

    /// <summary>The same without a copy: good as long as the data.</summary>
    public StringTable TableOf(string path, ColumnData data)
    {
        if (Reader(path).LoadedDictionary is { } dictionary && ReferenceEquals(dictionary.Strings, data.Table))
        {
            RefilledStringTable? none = null;
            return Table(path, data, ref none);
        }

        return new StringTable(data.Table.Arrays.Bytes, data.Table.Arrays.Offsets, data.Table.Count);
    }

    /// <summary>As <see cref="Starts(string, int, ref int[])"/>, of data read by <see cref="Load(string, ColumnData)"/>.</summary>
    public void Starts(string path, ColumnData data, int ownerCount, ref int[] target)
    {
        var child = Reader(path).Column;
        var starts = ColumnMemory.Take(ref target, ownerCount + 1);
        var ownerRepetition = child.MaxRepetitionLevel - (child.Node.Repetition == Repetition.Optional ? 0 : 1);
        var repetition = data.RepetitionLevels.AsSpan(0, data.LevelCount);
        var definition = data.DefinitionLevels.AsSpan(0, data.LevelCount);
        var owners = definition.ContainsAnyExcept((byte)child.MaxDefinitionLevel)
            ? MixedStarts(repetition, definition, ownerRepetition, child.MaxDefinitionLevel - 1, starts)
            : FullStarts(repetition, ownerRepetition, starts);
        if (owners != ownerCount) throw new ParquetFormatException($"column '{path}': {owners} owners where the tree has {ownerCount}");
    }

    // Every entry is a child: an owner begins wherever the repetition is the owner's or one above.
    private static int FullStarts(ReadOnlySpan<byte> repetition, int ownerRepetition, Span<int> starts) =>
        FullStarts(LevelKernel.Current, repetition, ownerRepetition, starts);

    /// <summary>The same with a given kernel.</summary>
    internal static int FullStarts(LevelKind kernel, ReadOnlySpan<byte> repetition, int ownerRepetition, Span<int> starts)
    {
        var owners = 0;
        var capacity = starts.Length - 1;
        var i = 0;
        if (kernel == LevelKind.Vector && Vector256.IsHardwareAccelerated)
        {
            var limit = Vector256.Create((byte)ownerRepetition);
            ref var first = ref MemoryMarshal.GetReference(repetition);
            for (; i + Vector256<byte>.Count <= repetition.Length; i += Vector256<byte>.Count)
                for (var begins = Vector256.LessThanOrEqual(Vector256.LoadUnsafe(ref first, (nuint)i), limit).ExtractMostSignificantBits();
                    begins != 0; begins &= begins - 1, owners++)
                    if (owners < capacity) starts[owners] = i + BitOperations.TrailingZeroCount(begins);
        }

        for (; i < repetition.Length; i++)
            if (repetition[i] <= ownerRepetition && ++owners <= capacity)
                starts[owners - 1] = i;
        starts[^1] = repetition.Length;
        return owners;
    }

    private static int MixedStarts(
        ReadOnlySpan<byte> repetition, ReadOnlySpan<byte> definition, int ownerRepetition, int ownerDefinition, Span<int> starts)
    {
        int owner = -1, children = 0;
        for (var i = 0; i < definition.Length; i++)
        {
            if (definition[i] >= ownerDefinition && repetition[i] <= ownerRepetition && ++owner < starts.Length - 1)
                starts[owner] = children;
            if (definition[i] > ownerDefinition) children++;
        }

        starts[^1] = children;
        return owner + 1;
    }
}
