using System.Buffers;
using System.Collections.Concurrent;

namespace Tempo.Host.Startup;

/// <summary>
/// Kestrel's memory in blocks of 64 KiB. Its own pool has blocks of 4 KiB, and the socket is read one block at a time:
/// with requests of 45 KB that is eleven reads and eleven pieces instead of one, and a third of the throughput
/// (measured, see the platform notes). Keeps a bounded number of idle blocks and leaves the rest to the collector. Thread
/// safe.
/// </summary>
internal sealed class LargeBlockPool : MemoryPool<byte>
{
    /// <summary>Of a block.</summary>
    public const int BlockBytes = 64 * 1024;

    /// <summary>Idle blocks that are kept: 16 MiB, of all listeners together.</summary>
    private const int MaxIdleBlocks = 256;

    /// <summary>The one pool of the process.</summary>
    public static readonly LargeBlockPool Instance = new();

    private readonly ConcurrentQueue<Block> _idle = new();
    private int _idleCount;

    public override int MaxBufferSize => BlockBytes;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        if (!_idle.TryDequeue(out var block)) return new Block(this);
        Interlocked.Decrement(ref _idleCount);
        block.IsRented = true;
        return block;
    }

    // Kestrel disposes the pool of a listener that stops; this one is everybody's and outlives them.
    protected override void Dispose(bool disposing)
    {
    }

    private void Return(Block block)
    {
        if (Interlocked.Increment(ref _idleCount) <= MaxIdleBlocks) _idle.Enqueue(block);
        else Interlocked.Decrement(ref _idleCount);
    }

    private sealed class Block(LargeBlockPool pool) : MemoryManager<byte>
    {
        // Pinned for good, so that the socket need not pin it for every read.
        private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);

        public bool IsRented { get; set; } = true;

        public override Span<byte> GetSpan() => _bytes;

        public override Memory<byte> Memory => CreateMemory(BlockBytes);

        public override unsafe MemoryHandle Pin(int elementIndex = 0)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)BlockBytes);

            // Safe: the array lies on the pinned heap, its address never changes.
            return new MemoryHandle((byte*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_bytes, elementIndex));
        }

        public override void Unpin()
        {
        }

        protected override bool TryGetArray(out ArraySegment<byte> segment)
        {
            segment = new ArraySegment<byte>(_bytes);
            return true;
        }

        protected override void Dispose(bool disposing)
        {
            if (!IsRented) return;
            IsRented = false;
            pool.Return(this);
        }
    }
}
