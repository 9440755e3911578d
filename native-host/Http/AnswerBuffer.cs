using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Tempo.Engine.Query;

namespace Tempo.Host.Http;

/// <summary>
/// An answer while it is built: pooled blocks, so that a trace of hundreds of megabytes is neither moved while it grows
/// nor one object for the collector. What is long is asked for of what all answers may take, so that writing throws
/// <see cref="QueryException"/> where others have the rest. Not thread safe.
/// </summary>
/// <param name="memory">What all answers share; null: that of the process.</param>
internal sealed class AnswerBuffer(QueryMemory? memory = null) : IBufferWriter<byte>, IDisposable
{
    private const int BlockBytes = 64 * 1024;

    /// <summary>Sent at once.</summary>
    private const int PieceBytes = 1 << 20;

    /// <summary>Not asked for: pages and short answers there are whatever the queries do.</summary>
    private const long FreeBytes = 1 << 20;

    private readonly List<(byte[] Block, int Length)> _full = [];
    private readonly Stack<byte[]> _spare = [];
    private byte[] _block = [];
    private int _used;
    private long _fullBytes;
    private long _heldBytes;
    private readonly QueryMemory _memory = memory ?? QueryMemory.OfProcess;
    private long _takenBytes;

    public long Length => _fullBytes + _used;

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_block.Length - _used));
        _used += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _block.AsMemory(_used);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _block.AsSpan(_used);
    }

    /// <summary>Appends the content to another.</summary>
    public void CopyTo(IBufferWriter<byte> output)
    {
        foreach (var (block, length) in _full) output.Write(block.AsSpan(0, length));
        output.Write(_block.AsSpan(0, _used));
    }

    /// <summary>The content as UTF-8 text, for answers that stand in others.</summary>
    public string ToText()
    {
        var whole = new ArrayBufferWriter<byte>((int)Math.Max(1, Length));
        CopyTo(whole);
        return Encoding.UTF8.GetString(whole.WrittenSpan);
    }

    /// <summary>
    /// The same to where an answer is sent from, and sends it, a piece at a time: returns when the client has taken nearly all. Each piece
    /// wakes the thread that sends, which for a block of 64 KiB costs as much as to send it.
    /// </summary>
    public async Task SendToAsync(PipeWriter output, CancellationToken cancellation)
    {
        var unsentBytes = 0;
        foreach (var (block, length) in _full)
        {
            output.Write(block.AsSpan(0, length));
            if ((unsentBytes += length) < PieceBytes) continue;
            unsentBytes = 0;
            await output.FlushAsync(cancellation).ConfigureAwait(false);
        }

        output.Write(_block.AsSpan(0, _used));
        await output.FlushAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Hands every block to the stream, in order.</summary>
    public async Task CopyToAsync(Stream stream, CancellationToken cancellation)
    {
        foreach (var (block, length) in _full) await stream.WriteAsync(block.AsMemory(0, length), cancellation).ConfigureAwait(false);
        await stream.WriteAsync(_block.AsMemory(0, _used), cancellation).ConfigureAwait(false);
    }

    public void Dispose()
    {
        Clear();
        while (_spare.TryPop(out var block)) ArrayPool<byte>.Shared.Return(block);
        _memory.Return(_takenBytes);
        (_heldBytes, _takenBytes) = (0, 0);
    }

    /// <summary>
    /// Forgets the content and keeps its blocks: a long answer that gave them back after each part would find others in the
    /// pool, and let go of hundreds of megabytes that had become old.
    /// </summary>
    public void Clear()
    {
        foreach (var (block, _) in _full) _spare.Push(block);
        if (_block.Length > 0) _spare.Push(_block);
        _full.Clear();
        _block = [];
        _used = 0;
        _fullBytes = 0;
    }

    private void MakeRoom(int sizeHint)
    {
        if (_block.Length - _used >= Math.Max(1, sizeHint)) return;
        if (_block.Length > 0)
        {
            _full.Add((_block, _used));
            _fullBytes += _used;
        }

        // Full already: whatever comes now, it is not full twice.
        (_block, _used) = ([], 0);
        _block = sizeHint <= BlockBytes && _spare.TryPop(out var spare) ? spare : Rent(Math.Max(BlockBytes, sizeHint));
    }

    private byte[] Rent(int bytes)
    {
        _heldBytes += bytes;
        if (_heldBytes > FreeBytes)
        {
            _memory.Take(bytes);
            _takenBytes += bytes;
        }

        return ArrayPool<byte>.Shared.Rent(bytes);
    }
}
