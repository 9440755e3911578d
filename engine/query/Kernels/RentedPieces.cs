using System.Buffers;
using System.Numerics;

namespace Tempo.Engine.Query.Kernels;

/// <summary>
/// A list that grows with what a query counts, in pieces from the process's pool, which queries take one after the other. One array that
/// doubles would be garbage twice its size when the query ends, large enough that each of them calls for a collection of everything.
/// Items begin at their default. Not thread safe.
/// </summary>
/// <param name="pieceLength">
/// Items in a piece, a power of two: some hundred kilobytes. The pool keeps a few dozen of a size for each processor, and what it has not
/// kept is garbage, so many small pieces would be.
/// </param>
internal sealed class RentedPieces<T>(int pieceLength)
{
    private readonly int _shift = BitOperations.Log2((uint)pieceLength);
    private T[][] _pieces = [];

    public int PieceCount { get; private set; }

    /// <summary>An item of the pieces that are there.</summary>
    public ref T this[int index] => ref _pieces[index >> _shift][index & (pieceLength - 1)];

    public void AddPiece()
    {
        if (PieceCount == _pieces.Length) Array.Resize(ref _pieces, Math.Max(4, PieceCount * 2));
        var piece = ArrayPool<T>.Shared.Rent(pieceLength);
        Array.Clear(piece, 0, pieceLength);
        _pieces[PieceCount++] = piece;
    }

    /// <summary>Gives the memory back; nothing is asked of it any more.</summary>
    public void Release()
    {
        for (var piece = 0; piece < PieceCount; piece++) ArrayPool<T>.Shared.Return(_pieces[piece]);
        (_pieces, PieceCount) = ([], 0);
    }
}
