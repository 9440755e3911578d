using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>Which blocks are compacted, and how what comes out is laid out.</summary>
public sealed record CompactionOptions
{
    /// <summary>Blocks whose last spans end in the same window of this length are compacted together.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// How long after the last block of its kind a job of fewer than four is begun; while blocks come, it waits for the fourth.
    /// </summary>
    public TimeSpan Patience { get; init; }

    /// <summary>Traces of all inputs of a job together, a trace in two of them counted twice.</summary>
    public long MaxObjects { get; init; } = 6_000_000;

    /// <summary>Compressed bytes of a row group, which a merge holds; ordinary ones have 6 MB.</summary>
    public const long MaxRowGroupBytes = 24 << 20;

    /// <summary>Bytes of data.parquet of all inputs of a job together.</summary>
    public long MaxBlockBytes { get; init; } = 100L << 30;

    /// <summary>What a trace may amount to that is brought together from several blocks; beyond, its rows stay apart.</summary>
    public RowLimits RowLimits { get; init; } = RowLimits.OfBlocks;

    /// <summary>Row groups that only one input has traces between are copied, not written anew.</summary>
    public bool CopiesRowGroups { get; init; } = true;

    /// <summary>
    /// Layout of what is written; the dedicated columns are those of the inputs. Its level of zstd stands for those of
    /// <see cref="ColumnLevels"/>. A merge holds a page of each input and a row group of the output, so both are small. Measured on the
    /// load tool's traffic, bytes a span (59.7 in a cut's layout) and memory of the writer: 56.4 and 39 MB with row groups of 150,000; 53.9
    /// and 58 MB with pages of 32 Ki spans; 56.4 and 27 MB with row groups of 75,000. Each row group takes 12 KB of the footer, so it is
    /// not fewer.
    /// </summary>
    public BlockWriterOptions Layout { get; init; } =
        new() { ZstdLevel = 6, PageSpans = 16 * 1024, RowGroupSpans = 64 * 1024, RowGroupDictionaryBytes = 8 << 20 };
}
