namespace Tempo.Engine.Parquet;

/// <summary>Bytes one behind the other, in pieces that go back to where they came from: nothing is moved when they grow.</summary>
internal sealed class PieceWriter(PageMemory memory)
{
    private readonly List<byte[]> _pieces = [];
    private int _usedOfLast;

    public long WrittenCount { get; private set; }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        WrittenCount += bytes.Length;
        while (!bytes.IsEmpty)
        {
            if (_pieces.Count == 0 || _usedOfLast == _pieces[^1].Length)
            {
                _pieces.Add(memory.RentPiece());
                _usedOfLast = 0;
            }

            var room = _pieces[^1].AsSpan(_usedOfLast);
            var count = Math.Min(room.Length, bytes.Length);
            bytes[..count].CopyTo(room);
            _usedOfLast += count;
            bytes = bytes[count..];
        }
    }

    public void CopyTo(Stream sink)
    {
        for (var i = 0; i < _pieces.Count; i++) sink.Write(_pieces[i], 0, i == _pieces.Count - 1 ? _usedOfLast : _pieces[i].Length);
    }

    /// <summary>Forgets the bytes and gives the pieces back.</summary>
    public void Clear()
    {
        foreach (var piece in _pieces) memory.ReturnPiece(piece);
        _pieces.Clear();
        WrittenCount = 0;
        _usedOfLast = 0;
    }
}
