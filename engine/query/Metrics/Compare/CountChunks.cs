using Tempo.Engine.Query.Kernels;

namespace Tempo.Engine.Query.Metrics.Compare;

/// <summary>Counts in chunks of a few, which begin at zero. Not thread safe.</summary>
internal sealed class CountChunks(MemoryBudget budget)
{
    /// <summary>Counts in a chunk: a line of the cache.</summary>
    public const int Length = 8;

    private const int ChunksOfPiece = 4096;

    private readonly RentedPieces<double> _counts = new(ChunksOfPiece * Length);

    /// <summary>A count of a chunk; chunks come to be with their first, without a gap in their numbers.</summary>
    public ref double At(int chunk, int place)
    {
        while (chunk >= _counts.PieceCount * ChunksOfPiece) AddPiece();
        return ref _counts[chunk * Length + place];
    }

    /// <summary>Gives the memory back.</summary>
    public void Release() => _counts.Release();

    private void AddPiece()
    {
        budget.Charge(ChunksOfPiece * Length * sizeof(double), "series and intervals");
        _counts.AddPiece();
    }
}
