using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Tempo.Engine.Foundation;

/// <summary>
/// Bytes one behind the other, of which only so many stay in memory: beyond, they go to a file that is gone with the buffer. For
/// what grows with a block while it is built and is needed once more at its end. Not thread safe.
/// </summary>
public sealed class SpillBuffer : IDisposable
{
    /// <summary>Bytes of one write to the file, and of one read from it.</summary>
    private const int ChunkBytes = 64 << 10;

    private readonly string? _path;
    private readonly int _maxMemoryBytes;
    private byte[] _memory = [];
    private int _inMemory;
    private SafeFileHandle? _file;
    private long _inFile;

    /// <param name="path">The file, which is made when it is needed; null: everything stays in memory.</param>
    /// <param name="maxMemoryBytes">What stays in memory before that.</param>
    public SpillBuffer(string? path, int maxMemoryBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxMemoryBytes, ChunkBytes);
        (_path, _maxMemoryBytes) = (path, maxMemoryBytes);
    }

    public long Length => _inFile + _inMemory;

    /// <summary>Appends. Throws <see cref="IOException"/> if the file cannot be written.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (_path is not null && _inMemory + bytes.Length > (_file is null ? _maxMemoryBytes : ChunkBytes)) Spill(bytes);
        else Keep(bytes);
    }

    /// <summary>Visits all bytes in pieces, whose memory is used again. What is appended meanwhile is not seen.</summary>
    public void ForEach(Action<ReadOnlyMemory<byte>> visit)
    {
        var chunk = _inFile > 0 ? new byte[ChunkBytes] : [];
        for (long at = 0; at < _inFile;)
        {
            var count = RandomAccess.Read(_file!, chunk.AsSpan(0, (int)Math.Min(chunk.Length, _inFile - at)), at);
            if (count == 0) throw new EndOfStreamException($"{_path} ends at {at}; {_inFile} bytes were written");
            visit(chunk.AsMemory(0, count));
            at += count;
        }

        if (_inMemory > 0) visit(_memory.AsMemory(0, _inMemory));
    }

    /// <summary>Fills the memory from the offset on; so many bytes must be there.</summary>
    public void Read(long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, Length - offset, nameof(destination));
        while (!destination.IsEmpty && offset < _inFile)
        {
            var count = RandomAccess.Read(_file!, destination[..(int)Math.Min(destination.Length, _inFile - offset)], offset);
            if (count == 0) throw new EndOfStreamException($"{_path} ends at {offset}; {_inFile} bytes were written");
            destination = destination[count..];
            offset += count;
        }

        if (!destination.IsEmpty) _memory.AsSpan((int)(offset - _inFile), destination.Length).CopyTo(destination);
    }

    public void CopyTo(Stream sink) => ForEach(piece => sink.Write(piece.Span));

    /// <summary>Forgets everything, the file too.</summary>
    public void Dispose()
    {
        _file?.Dispose();
        if (_file is not null) File.Delete(_path!);
        (_file, _inFile, _inMemory) = (null, 0, 0);
        Exchange([]);
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        // A piece that is larger than all before it has something small behind it, as a filter has.
        var needed = _inMemory + bytes.Length;
        if (needed > _memory.Length) Exchange(ArrayPool<byte>.Shared.Rent(needed + needed / 8));
        bytes.CopyTo(_memory.AsSpan(_inMemory));
        _inMemory += bytes.Length;
    }

    private void Exchange(byte[] memory)
    {
        _memory.AsSpan(0, _inMemory).CopyTo(memory);
        if (_memory.Length > 0) ArrayPool<byte>.Shared.Return(_memory);
        _memory = memory;
    }

    private void Spill(ReadOnlySpan<byte> bytes)
    {
        _file ??= File.OpenHandle(_path!, FileMode.Create, FileAccess.ReadWrite);
        RandomAccess.Write(_file, _memory.AsSpan(0, _inMemory), _inFile);
        _inFile += _inMemory;
        _inMemory = 0;
        if (_memory.Length > ChunkBytes) Exchange(ArrayPool<byte>.Shared.Rent(ChunkBytes));
        if (bytes.Length <= ChunkBytes)
        {
            Keep(bytes);
            return;
        }

        RandomAccess.Write(_file, bytes, _inFile);
        _inFile += bytes.Length;
    }
}
