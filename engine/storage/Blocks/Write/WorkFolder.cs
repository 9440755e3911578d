using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Write;

/// <summary>
/// Where blocks are put together. All methods throw <see cref="IOException"/> if the disk fails. What a writer spills, which nobody
/// reads after it, is left to the operating system; on any other disk it stays in memory.
/// </summary>
internal sealed class WorkFolder(IDisk disk, string folder)
{
    /// <summary>What names end in, after a block's id.</summary>
    public const string Data = ".parquet", Sidecar = ".sidecar";

    private const string Spill = ".spill";

    public string PathOf(string name) => $"{folder}/{name}";

    /// <summary>The path of a file to spill to, or the begin of several; null: nothing is to be spilt.</summary>
    public string? SpillPathOf(string name) => ReferenceEquals(disk, PosixDisk.FileSystem) ? PathOf(name) : null;

    /// <summary>Makes the folder if it is not there.</summary>
    public void Make() => Check(disk.TryCreateFolder(folder), folder, "create the folder");

    /// <summary>Makes the folder, and removes what an earlier run left half built in it.</summary>
    public void Sweep()
    {
        Make();
        Check(disk.TryList(folder, out var names), folder, "list");
        foreach (var name in names)
            if (name.EndsWith(Data, StringComparison.Ordinal) || name.EndsWith(Sidecar, StringComparison.Ordinal)
                || name.EndsWith(Spill, StringComparison.Ordinal))
                Delete(PathOf(name));
    }

    /// <summary>An empty file in the place of whatever was there.</summary>
    public Stream Create(string path)
    {
        Delete(path);
        Check(disk.TryCreate(path, out var file), path, "create");
        return new WriteStream(file!, path);
    }

    public ReadFile Open(string path)
    {
        Check(disk.TryOpen(path, writable: false, out var file), path, "open");
        return new ReadFile(file!, path);
    }

    public void Delete(string path)
    {
        // Without its folder it is not there either.
        if (disk.TryDelete(path) is not DiskError.NotFolder and var error) Check(error, path, "delete");
    }

    private static void Check(DiskError error, string path, string step)
    {
        if (error != DiskError.None) throw new IOException($"{path}: {step}: {error}");
    }

    /// <summary>A file that is read again before it is handed over.</summary>
    public sealed class ReadFile(IDiskFile file, string path) : IParquetSource, IDisposable
    {
        public long Length => file.Length;

        public void Read(long offset, Span<byte> destination)
        {
            Check(file.Read(offset, destination, out var count), path, $"read of {destination.Length} bytes at {offset}");
            if (count < destination.Length) throw new EndOfStreamException($"{path} ends before {offset + destination.Length}");
        }

        public void Dispose() => file.Dispose();
    }

    private sealed class WriteStream(IDiskFile file, string path) : Stream
    {
        private long _length;

        public override bool CanRead => false;

        public override bool CanSeek => true;

        public override bool CanWrite => true;

        public override long Length => _length;

        public override long Position { get; set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Check(file.Write(buffer, Position), path, $"write of {buffer.Length} bytes at {Position}");
            Position += buffer.Length;
            _length = Math.Max(_length, Position);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => Position + offset,
            _ => Length + offset,
        };

        // What is written is made durable when the file is handed over.
        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("it is only written");

        public override void SetLength(long value) => throw new NotSupportedException("it is only written");

        protected override void Dispose(bool disposing)
        {
            if (disposing) file.Dispose();
            base.Dispose(disposing);
        }
    }
}
