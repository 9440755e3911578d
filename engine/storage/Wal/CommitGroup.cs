using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// The records that are written and synced together. Gathers headers, payloads and padding as slices, one run per
/// segment, and writes a run when the next one begins: one pwritev per segment in the ordinary case. Used by the
/// committing thread only.
/// </summary>
internal sealed unsafe class CommitGroup : IDisposable
{
    private static readonly byte* Zeros = (byte*)RuntimeHelpers.AllocateTypeAssociatedMemory(typeof(CommitGroup), WalFormat.Alignment);

    private readonly NativeBuffer _headers = new();
    private readonly List<SegmentWriter> _writers = [];
    private IoSlice[] _slices = new IoSlice[64];
    private int _sliceCount;
    private SegmentWriter? _run;
    private long _runOffset;

    /// <summary>Forgets the last group and makes room for the headers of a new one, which then do not move.</summary>
    public void Begin(int maxRecords)
    {
        _headers.Clear();
        _headers.Reserve(maxRecords * RecordHeader.MaxBytes);
        _writers.Clear();
        _sliceCount = 0;
        _run = null;
    }

    /// <summary>Puts a record at the end of a segment that has room for it.</summary>
    public void Add(PendingAppend append, SegmentWriter writer, RecordHeader header)
    {
        if (_run != writer)
        {
            WriteRun();
            _run = writer;
            _runOffset = writer.Position;
            if (!_writers.Contains(writer)) _writers.Add(writer); // two or three of them at most
        }

        append.Writer = writer;
        append.Offset = writer.Reserve(header.RecordBytes);
        var bytes = _headers.GetSpan(header.PayloadOffset);
        header.Write(bytes, append.Tenant, writer.Key, append.Offset);
        AddSlice(_headers.Pointer + _headers.Length, header.PayloadOffset);
        _headers.Advance(header.PayloadOffset);
        AddSlice(append.Payload, append.PayloadBytes);
        var padding = WalFormat.Align(append.PayloadBytes) - append.PayloadBytes;
        if (padding > 0) AddSlice(Zeros, padding);
    }

    /// <summary>Writes what is gathered for the segment at hand. A failure stays in its writer.</summary>
    public void WriteRun()
    {
        if (_run is not null) _run.Write(_slices.AsSpan(0, _sliceCount), _runOffset);
        _sliceCount = 0;
        _run = null;
    }

    /// <summary>The segments of the group; after <see cref="WriteRun"/> they can be synced.</summary>
    public ReadOnlySpan<SegmentWriter> Writers => CollectionsMarshal.AsSpan(_writers);

    public void Dispose() => _headers.Dispose();

    private void AddSlice(byte* pointer, int length)
    {
        if (_sliceCount == _slices.Length) Array.Resize(ref _slices, _slices.Length * 2);
        _slices[_sliceCount++] = new IoSlice(pointer, length);
    }
}
