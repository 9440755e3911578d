using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Lends the memory in which row groups are built, the largest single part of a node's. Who wants it waits in line:
/// <code>
/// cut     has it for its block, which has one row group
/// merge   gives it up between two row groups if somebody waits, and queues up again
/// </code>
/// So one is enough for cuts and a merge as long as cuts keep up, one for each of several merges, and a cut waits for one row group of a
/// merge at most, some tenths of a second. Where cuts come faster than they are written, there are as many as cuts at once. What nobody
/// asks for any more goes: the columns of yesterday, or the second one of a busy minute. Thread safe.
/// </summary>
internal sealed class RowGroupMemoryPool : IKeepsSpareMemory
{
    /// <summary>What was not needed for this many loans is not kept.</summary>
    private const int MaxIdleLoans = 4;

    /// <summary>Lists of columns whose schema is remembered: those of the tenants at work, and of yesterday.</summary>
    private const int MaxSchemas = 8;

    // With the number of the loan that it was last used for, ascending.
    private readonly List<(RowGroupMemory Memory, long LastLoan)> _idle = [];
    private readonly List<(BlockWriterOptions Layout, ParquetSchema Schema)> _schemas = [];
    private readonly LinkedList<TaskCompletionSource> _waiting = [];
    private readonly Lock _lock = new();
    private long _loans;
    private int _lent;
    private int _cuts;
    private bool _isBehind;
    private volatile bool _isWaitedFor;
    private readonly int _capacity;
    private readonly int _merges;

    /// <param name="capacity">Most that cuts have at once.</param>
    /// <param name="merges">Merges that run beside each other: as many are lent whatever cuts do, to cuts, too. The more of the two are
    /// lent at the most, and kept.</param>
    public RowGroupMemoryPool(int capacity, int merges = 1)
    {
        (_capacity, _merges) = (capacity, merges);
        SpareMemory.Register(this);
    }

    /// <inheritdoc/>
    public void LetGo()
    {
        lock (_lock) _idle.Clear();
    }

    /// <summary>Who could do without for a while should give it back.</summary>
    public bool IsWaitedFor => _isWaitedFor;

    /// <summary>The memory for a cut's block, when it is its turn.</summary>
    /// <param name="layout">Of the block.</param>
    /// <param name="isBehind">Others wait to be cut, too: from now on, until a cut says otherwise, cuts have memory each.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    public async Task<RowGroupMemory> RentForCutAsync(BlockWriterOptions layout, bool isBehind, CancellationToken cancellation)
    {
        var turn = Queue(isCut: true, isBehind);
        try
        {
            await turn.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Leave(turn, isCut: true);
            throw;
        }

        return Take(layout);
    }

    /// <summary>The same for a merge, on a thread of its own, which waits.</summary>
    public RowGroupMemory Rent(BlockWriterOptions layout)
    {
        Queue(isCut: false, isBehind: false).Task.GetAwaiter().GetResult();
        return Take(layout);
    }

    /// <summary>Takes back what was lent, whatever became of the block; it need not be empty.</summary>
    public void Return(RowGroupMemory memory, bool isCut)
    {
        if (memory.IsReusable) memory.Clear();
        lock (_lock)
        {
            if (memory.IsReusable) _idle.Add((memory, ++_loans));
            while (_idle.Count > Math.Max(_capacity, _merges) || _idle.Count > 0 && _loans - _idle[0].LastLoan >= MaxIdleLoans)
                _idle.RemoveAt(0);
            EndLoan(isCut);
        }
    }

    private TaskCompletionSource Queue(bool isCut, bool isBehind)
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (isCut) (_cuts, _isBehind) = (_cuts + 1, isBehind);
            _waiting.AddLast(turn);
            LetIn();
        }

        return turn;
    }

    private void Leave(TaskCompletionSource turn, bool isCut)
    {
        lock (_lock)
        {
            if (!_waiting.Remove(turn))
            {
                EndLoan(isCut);
                return;
            }

            if (isCut) _cuts--;
            LetIn();
        }
    }

    private void EndLoan(bool isCut)
    {
        _lent--;
        if (isCut) _cuts--;
        LetIn();
    }

    private void LetIn()
    {
        while (_waiting.First is { } first && _lent < Math.Max(_merges, _isBehind ? Math.Clamp(_cuts, 1, _capacity) : 1))
        {
            _waiting.RemoveFirst();
            _lent++;
            first.Value.SetResult();
        }

        _isWaitedFor = _waiting.Count > 0;
    }

    private RowGroupMemory Take(BlockWriterOptions layout)
    {
        ParquetSchema schema;
        lock (_lock)
        {
            var found = _idle.FindLastIndex(idle => idle.Memory.HasColumnsOf(layout));
            if (found >= 0)
            {
                var memory = _idle[found].Memory;
                _idle.RemoveAt(found);
                return memory;
            }

            schema = SchemaOf(layout);
        }

        return new RowGroupMemory(layout, schema);
    }

    // One object for the same columns: a block may go on in other memory than it was begun in.
    private ParquetSchema SchemaOf(BlockWriterOptions layout)
    {
        var found = _schemas.FindIndex(known => known.Layout.HasColumnsOf(layout));
        var entry = found >= 0 ? _schemas[found] : (layout, RowGroupMemory.SchemaOf(layout));
        if (found >= 0) _schemas.RemoveAt(found);
        else if (_schemas.Count == MaxSchemas) _schemas.RemoveAt(0);
        _schemas.Add(entry);
        return entry.Item2;
    }
}
