using Tempo.Engine.Foundation;
using Tempo.Engine.Query;

namespace Tempo.Engine.Node.Slices;

/// <summary>
/// What the answers of a query's slices take on the node that puts them together, of what all queries have for their answers; together no
/// more than one query may. All of it is given back when it is disposed of. Thread safe.
/// </summary>
internal sealed class AnswerMemory(QueryMemory memory) : IMemoryAccount, IDisposable
{
    private readonly Lock _lock = new();
    private long _taken;
    private bool _isPassed;

    public bool TryTake(long bytes)
    {
        lock (_lock)
        {
            if (_taken + bytes > memory.MaxBytesOfOne)
            {
                _isPassed = true;
                return false;
            }

            if (!memory.TryTake(bytes)) return false;
            _taken += bytes;
            return true;
        }
    }

    public void GiveBack(long bytes)
    {
        lock (_lock) _taken -= bytes;
        memory.Return(bytes);
    }

    /// <summary>What ends a query that has no room for an answer: there is too much of it, or others have the room.</summary>
    public QueryException Refusal()
    {
        lock (_lock)
        {
            return _isPassed
                ? new QueryException(QueryErrorKind.TooLarge,
                    $"the answers of the nodes that computed the query take more than the {memory.MaxBytesOfOne} bytes that one query may have; ask for fewer series, a longer step or a shorter range")
                : new QueryException(QueryErrorKind.Busy,
                    $"other queries have the {memory.CapacityBytes} bytes that answers may take (a quarter of the memory); try again");
        }
    }

    public void Dispose() => GiveBack(_taken);
}
