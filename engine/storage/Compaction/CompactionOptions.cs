using Tempo.Engine.Storage.Blocks.Write;

namespace Tempo.Engine.Storage.Compaction;

/// <summary>Which blocks are compacted, and how what comes out is laid out.</summary>
public sealed record CompactionOptions
{
    /// <summary>Blocks whose last spans end in the same window of this length are compacted together.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Traces of all inputs of a job together, a trace in two of them counted twice.</summary>
    public long MaxObjects { get; init; } = 6_000_000;

    /// <summary>Bytes of data.parquet of all inputs of a job together.</summary>
    public long MaxBlockBytes { get; init; } = 100L << 30;

    /// <summary>
    /// Layout of what is written; the dedicated columns are those of the inputs. Read more often than written, so zstd takes its
    /// time. Measured on the demo load: 50.6 bytes a span in a cut's layout, 42.4 in this one, 38.1 with pages of 128 Ki spans;
    /// but a page is what a look-up by id must read of each column, and a merge holds one of each input.
    /// </summary>
    public BlockWriterOptions Layout { get; init; } = new() { ZstdLevel = 6, PageSpans = 32 * 1024 };
}
