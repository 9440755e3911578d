using System.Buffers;

namespace Tempo.Engine.Parquet;

/// <summary>
/// What the chunks of one writer share: room to build one page in, and free pieces for the compressed ones. Chunks that
/// are built at the same time on several threads need one each. Kept from row group to row group and from file to file.
/// </summary>
internal sealed class PageMemory
{
    /// <summary>Of a piece. The last one of each chunk is half empty in the mean: 1.6 MB of a hundred.</summary>
    private const int PieceBytes = 32 * 1024;

    private readonly Stack<byte[]> _free = new();
    private byte[] _scratch = [];

    /// <summary>The body of the page that is being built.</summary>
    public ArrayBufferWriter<byte> Body { get; } = new(4096);

    /// <summary>Room for the compressed body.</summary>
    public Span<byte> Scratch(int sizeBytes)
    {
        if (_scratch.Length < sizeBytes) _scratch = GC.AllocateUninitializedArray<byte>(sizeBytes + sizeBytes / 8);
        return _scratch.AsSpan(0, sizeBytes);
    }

    public byte[] RentPiece() => _free.TryPop(out var piece) ? piece : GC.AllocateUninitializedArray<byte>(PieceBytes);

    public void ReturnPiece(byte[] piece) => _free.Push(piece);
}
