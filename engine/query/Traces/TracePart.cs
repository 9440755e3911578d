using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Traces;

/// <summary>
/// Spans of one trace that lie together: in a live batch, or in a row of a block. It is small; the spans are read when they are needed.
/// </summary>
internal sealed record TracePart
{
    /// <summary>The live batch, for a part that lies in one.</summary>
    public LiveBatchView Live { get; init; }

    /// <summary>The block, for a part that lies in one; null otherwise.</summary>
    public BlockReader? Block { get; init; }

    /// <summary>Place in the block.</summary>
    public int RowGroup { get; init; }

    /// <inheritdoc cref="RowGroup"/>
    public long Row { get; init; }

    /// <summary>Number of its first span, where those of all parts are numbered on in the order in which the parts were found.</summary>
    public int FirstSpan { get; init; }

    /// <summary>When its first span starts.</summary>
    public ulong StartUnixNano { get; init; }
}

/// <summary>
/// Reads parts of a trace, one at a time into the same memory, which is of the pools of ordinary traces: parts are about as large, and an
/// answer that took new memory would leave as much behind. Not thread safe; disposed once, and nobody reads a part then.
/// </summary>
/// <param name="id">The trace.</param>
/// <param name="maxRowSpans">Most spans of a row, which is unpacked whole. Rows of this engine have half as many at most.</param>
internal sealed class TracePartReader(TraceId id, int maxRowSpans) : IDisposable
{
    private readonly SpanBatch _batch = ScratchPools.Traces.Take();
    private readonly ReadMemory _memory = ReadMemory.Rent(isOnePass: true);
    private bool _hasFailed;

    /// <summary>Rows of the part that was read last, in the same order each time.</summary>
    public List<int> Rows { get; } = [];

    /// <summary>Bytes of blocks that were read.</summary>
    public ulong ReadBytes { get; private set; }

    /// <summary>The batch in which the spans of the part lie; good until the next call. Throws <see cref="BlockReadException"/>.</summary>
    /// <param name="part">Where.</param>
    /// <param name="columns">What is read of blocks; of live spans everything is there.</param>
    public SpanBatch Read(TracePart part, BatchColumns columns)
    {
        Rows.Clear();
        if (part.Block is not { } block)
        {
            part.Live.Batch.CollectTrace(id, part.Live.SpanCount, Rows);
            return part.Live.Columns;
        }

        // Each row group comes with dictionaries of its own, which are garbage once its row was written.
        GarbageBudget.Check();
        var rows = block.OpenRowGroup(part.RowGroup, _memory);
        var before = _hasFailed;
        _hasFailed = true;
        if (!rows.TryReadInto(_batch, part.Row, columns, maxRowSpans)) throw TooLarge();
        _hasFailed = before;
        ReadBytes += (ulong)rows.ReadBytes;
        for (var row = 0; row < _batch.SpanCount; row++) Rows.Add(row);
        return _batch;
    }

    public void Dispose()
    {
        if (_hasFailed) return; // what was filled in part is used by nobody again
        ScratchPools.Traces.Return(_batch);
        _memory.Return();
    }

    private BlockReadException TooLarge()
    {
        var text = $"a row has {_batch.SpanCount} spans of the trace; of a row at most {maxRowSpans} are unpacked";
        return new BlockReadException(text, new InvalidDataException(text));
    }
}
