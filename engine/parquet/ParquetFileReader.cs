using System.Buffers.Binary;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Parquet;

/// <summary>
/// An open Parquet file: its footer, read and checked once. Immutable and thread safe; reading starts with <see cref="OpenColumn"/>.
/// </summary>
public sealed class ParquetFileReader
{
    private const int TrailerSizeBytes = 8; // length of the footer u32, magic
    private readonly FileMetaData _footer;

    private ParquetFileReader(IParquetSource source, FileMetaData footer, uint footerChecksum)
    {
        Source = source;
        _footer = footer;
        FooterChecksum = footerChecksum;
        IndexChecksums = IndexChecksums.Read(footer);
    }

    /// <summary>Bytes of the footer, without the eight behind it.</summary>
    public int FooterSizeBytes { get; private init; }

    /// <summary>CRC-32C of the footer's bytes, which the format itself does not protect.</summary>
    public uint FooterChecksum { get; }

    public ParquetSchema Schema => _footer.Schema;

    public long RowCount => _footer.RowCount;

    public string CreatedBy => _footer.CreatedBy;

    public IReadOnlyDictionary<string, string> KeyValueMetadata => _footer.KeyValues;

    public IReadOnlyList<RowGroupMetaData> RowGroups => _footer.RowGroups;

    internal static ReadOnlySpan<byte> Magic => "PAR1"u8;

    /// <summary>The file's bytes are far away (<see cref="IParquetSource.IsFar"/>).</summary>
    public bool IsFar => Source.IsFar;

    /// <summary>Its bytes.</summary>
    public IParquetSource Source { get; }

    /// <summary>Keeps dictionaries for later readers; null: nothing is kept.</summary>
    internal DictionaryCache? Dictionaries { get; private init; }

    /// <summary>Of the cache, under its lock.</summary>
    internal bool IsClosed { get; set; }

    internal IndexChecksums? IndexChecksums { get; }

    /// <summary>
    /// Reads the footer. If its size is known (<paramref name="footerSizeBytes"/>, from a block's meta.json) one read is enough.
    /// Throws <see cref="ParquetFormatException"/> for anything that is not a sound file.
    /// </summary>
    public static ParquetFileReader Open(IParquetSource source, int footerSizeBytes = 0, DictionaryCache? dictionaries = null)
    {
        var footer = ReadFooter(source, footerSizeBytes);
        var metaData = FileMetaData.Read(footer.Span, source.Length - TrailerSizeBytes - footer.Length);
        return new ParquetFileReader(
            source, metaData, Crc32C.Compute(footer.Span))
        { FooterSizeBytes = footer.Length, Dictionaries = dictionaries };
    }

    /// <summary>
    /// Reads what the footer says of the whole file, and nothing of its row groups: for a look at a file of any size that was just
    /// written. Throws as <see cref="Open"/>.
    /// </summary>
    public static (ParquetSchema Schema, long RowCount, uint FooterChecksum) ReadSummary(IParquetSource source, int footerSizeBytes)
    {
        var footer = ReadFooter(source, footerSizeBytes);
        var metaData = FileMetaData.ReadWithoutRowGroups(footer.Span);
        return (metaData.Schema, metaData.RowCount, Crc32C.Compute(footer.Span));
    }

    private static ReadOnlyMemory<byte> ReadFooter(IParquetSource source, int footerSizeBytes)
    {
        ArgumentNullException.ThrowIfNull(source);
        var length = source.Length;
        if (length < Magic.Length + TrailerSizeBytes) ParquetFormatException.Throw($"The file has {length} bytes, too few for Parquet.");
        const int Guess = 128 * 1024;
        var wanted = footerSizeBytes is > 0 and <= ParquetLimits.MaxFooterBytes ? footerSizeBytes + TrailerSizeBytes : Guess;
        var tail = ReadTail(source, (int)Math.Min(wanted, length - Magic.Length));
        var claimed = CheckTrailer(tail, length);
        if (claimed > tail.Length - TrailerSizeBytes) tail = ReadTail(source, claimed + TrailerSizeBytes);
        Span<byte> head = stackalloc byte[4];
        source.Read(0, head);
        if (!head.SequenceEqual(Magic)) ParquetFormatException.Throw("The file does not begin with 'PAR1'.");
        return tail.AsMemory(tail.Length - TrailerSizeBytes - claimed, claimed);
    }

    /// <summary>
    /// Brings near, of a file that is far away and by the source that all the columns read from, what says where the columns' pages are,
    /// and what lies between which bounds if <paramref name="withBounds"/>: one round trip.
    /// </summary>
    public static void PrefetchIndexes(IReadOnlyCollection<ColumnReader> columns, bool withBounds = false)
    {
        ArgumentNullException.ThrowIfNull(columns);
        var ranges = columns.Select(static column => column.IndexRange)
            .Concat(withBounds ? columns.Select(static column => column.BoundsRange) : []).Where(static range => range.Count > 0).ToList();
        if (ranges.Count > 0) columns.First().Source.Fetch(ranges);
    }

    /// <summary>The same of all that reading these rows of the columns needs: another round trip. Throws as reading them.</summary>
    public static void Prefetch(IReadOnlyCollection<ColumnReader> columns, long rowStart, int rowCount)
    {
        PrefetchIndexes(columns);
        var ranges = new List<(long Offset, long Count)>();
        foreach (var column in columns) column.AddRanges(rowStart, rowStart + rowCount, ranges);
        if (ranges.Count > 0) columns.First().Source.Fetch(ranges);
    }

    /// <summary>Opens the chunk of a leaf in a row group. One reader is used by one thread; any number may be open.</summary>
    /// <param name="rowGroup">Its index.</param>
    /// <param name="column">The leaf.</param>
    /// <param name="isOnePass">The reader goes through much of the file once: what it unpacks is not kept for others.</param>
    /// <param name="source">What it reads from, the same bytes as the file's; null: the file's source.</param>
    public ColumnReader OpenColumn(int rowGroup, ParquetColumn column, bool isOnePass = false, IParquetSource? source = null)
    {
        ArgumentNullException.ThrowIfNull(column);
        return new ColumnReader(this, source ?? Source, rowGroup, Schema.Columns[column.Index], isOnePass ? null : Dictionaries);
    }

    private static byte[] ReadTail(IParquetSource source, int sizeBytes)
    {
        var tail = new byte[sizeBytes];
        source.Read(source.Length - sizeBytes, tail);
        return tail;
    }

    /// <summary>Returns the size of the footer, which lies within the file.</summary>
    private static int CheckTrailer(ReadOnlySpan<byte> tail, long fileLength)
    {
        if (!tail[^4..].SequenceEqual(Magic)) ParquetFormatException.Throw("The file does not end with 'PAR1'.");
        var size = BinaryPrimitives.ReadUInt32LittleEndian(tail[^8..]);
        if (size > ParquetLimits.MaxFooterBytes)
            ParquetFormatException.Throw($"A footer of {size} bytes; the limit is {ParquetLimits.MaxFooterBytes}.");
        if (size > fileLength - TrailerSizeBytes - Magic.Length)
            ParquetFormatException.Throw($"A footer of {size} bytes in a file of {fileLength}.");
        return (int)size;
    }
}
