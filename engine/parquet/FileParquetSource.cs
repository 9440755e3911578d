using Microsoft.Win32.SafeHandles;

namespace Tempo.Engine.Parquet;

/// <summary>A file of the operating system, read by pread.</summary>
public sealed class FileParquetSource : IParquetSource, IDisposable
{
    private readonly SafeFileHandle _handle;

    public FileParquetSource(string path)
    {
        _handle = File.OpenHandle(path);
        Length = RandomAccess.GetLength(_handle);
    }

    public long Length { get; }

    public void Read(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var count = RandomAccess.Read(_handle, destination, offset);
            if (count == 0)
                throw new EndOfStreamException($"The file ends at {offset}, {destination.Length} bytes before the end of a read.");
            offset += count;
            destination = destination[count..];
        }
    }

    public void Dispose() => _handle.Dispose();
}
