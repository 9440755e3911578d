using Tempo.Engine.Foundation;

namespace Tempo.Testing;

/// <summary>A call to a disk: its number (from 1), the method's name, the path, and for reads and writes the bytes of the file.</summary>
public readonly record struct DiskCall(int Number, string Operation, string Path, long Offset = 0, long Length = 0);

/// <summary>A failure to inject, and when.</summary>
public readonly record struct DiskFault(DiskError Error, FaultMoment Moment);

/// <summary>How much of a failing call takes effect.</summary>
public enum FaultMoment
{
    /// <summary>Nothing of it.</summary>
    Before,

    /// <summary>For a write the first half of its bytes; for others nothing.</summary>
    Halfway,

    /// <summary>All of it, but the answer is the error.</summary>
    After,
}

/// <summary>
/// Any disk, with failures: <paramref name="judge"/> sees every call before it is made and may have it fail. Reading
/// takes no effect to speak of, so its moment does not matter.
/// </summary>
public sealed class FlakyDisk(IDisk inner, Func<DiskCall, DiskFault?> judge) : IDisk
{
    private int _calls;

    /// <summary>Calls so far.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <inheritdoc/>
    public DiskError TryAllocate(string path, long sizeBytes, out IDiskFile? file)
    {
        var fault = Judge(nameof(TryAllocate), path);
        var error = Run(fault, () => (inner.TryAllocate(path, sizeBytes, out var made), made), out file);
        if (file is not null) file = new FlakyFile(this, file, path);
        return error;
    }

    /// <inheritdoc/>
    public DiskError TryOpen(string path, bool writable, out IDiskFile? file)
    {
        var fault = Judge(nameof(TryOpen), path);
        var error = Run(fault, () => (inner.TryOpen(path, writable, out var opened), opened), out file);
        if (file is not null) file = new FlakyFile(this, file, path);
        return error;
    }

    /// <inheritdoc/>
    public DiskError TryCreate(string path, out IDiskFile? file)
    {
        var fault = Judge(nameof(TryCreate), path);
        var error = Run(fault, () => (inner.TryCreate(path, out var made), made), out file);
        if (file is not null) file = new FlakyFile(this, file, path);
        return error;
    }

    /// <inheritdoc/>
    public DiskError TryLink(string from, string to) => Run(Judge(nameof(TryLink), from), () => inner.TryLink(from, to));

    /// <inheritdoc/>
    public DiskError TryDeleteFolder(string path) => Run(Judge(nameof(TryDeleteFolder), path), () => inner.TryDeleteFolder(path));

    /// <inheritdoc/>
    public DiskError TryListEntries(string folder, bool withInfo, out IReadOnlyList<DiskEntry> entries)
    {
        entries = [];
        var fault = Judge(nameof(TryListEntries), folder);
        return fault?.Error ?? inner.TryListEntries(folder, withInfo, out entries);
    }

    /// <inheritdoc/>
    public DiskError TryGetSpace(string folder, out long totalBytes, out long availableBytes) =>
        inner.TryGetSpace(folder, out totalBytes, out availableBytes);

    /// <inheritdoc/>
    public DiskError TryRename(string from, string to) => Run(Judge(nameof(TryRename), from), () => inner.TryRename(from, to));

    /// <inheritdoc/>
    public DiskError TryDelete(string path) => Run(Judge(nameof(TryDelete), path), () => inner.TryDelete(path));

    /// <inheritdoc/>
    public DiskError TryCreateFolder(string path) => Run(Judge(nameof(TryCreateFolder), path), () => inner.TryCreateFolder(path));

    /// <inheritdoc/>
    public DiskError TryList(string folder, out IReadOnlyList<string> names)
    {
        names = [];
        var fault = Judge(nameof(TryList), folder);
        return fault?.Error ?? inner.TryList(folder, out names);
    }

    /// <inheritdoc/>
    public DiskError SyncFolder(string path) => Run(Judge(nameof(SyncFolder), path), () => inner.SyncFolder(path));

    /// <inheritdoc/>
    public DiskError TryGetFreeBytes(out long bytes)
    {
        bytes = 0;
        return Judge(nameof(TryGetFreeBytes), "")?.Error ?? inner.TryGetFreeBytes(out bytes);
    }

    /// <inheritdoc/>
    public DiskError TryLock(string path, out IDisposable? hold)
    {
        hold = null;
        var fault = Judge(nameof(TryLock), path);
        return fault?.Error ?? inner.TryLock(path, out hold);
    }

    private static DiskError Run(DiskFault? fault, Func<DiskError> call)
    {
        if (fault is not { } f) return call();
        if (f.Moment == FaultMoment.After) _ = call();
        return f.Error;
    }

    private static DiskError Run(DiskFault? fault, Func<(DiskError Error, IDiskFile? File)> call, out IDiskFile? file)
    {
        file = null;
        if (fault is { } f)
        {
            if (f.Moment == FaultMoment.After) call().File?.Dispose();
            return f.Error;
        }

        (var error, file) = call();
        return error;
    }

    private DiskFault? Judge(string operation, string path, long offset = 0, long length = 0) =>
        judge(new DiskCall(Interlocked.Increment(ref _calls), operation, path, offset, length));

    private sealed unsafe class FlakyFile(FlakyDisk disk, IDiskFile inner, string path) : IDiskFile
    {
        public long Length => inner.Length;

        public DateTimeOffset ModifiedAt => inner.ModifiedAt;

        public DiskError Write(ReadOnlySpan<IoSlice> slices, long offset)
        {
            if (disk.Judge(nameof(Write), path, offset, Total(slices)) is not { } fault) return inner.Write(slices, offset);
            if (fault.Moment != FaultMoment.Before) _ = inner.Write(fault.Moment == FaultMoment.After ? slices : FirstHalf(slices), offset);
            return fault.Error;
        }

        public DiskError Sync()
        {
            if (disk.Judge(nameof(Sync), path) is not { } fault) return inner.Sync();
            if (fault.Moment == FaultMoment.After) _ = inner.Sync();
            return fault.Error;
        }

        public DiskError TryLock() => disk.Judge(nameof(TryLock), path)?.Error ?? inner.TryLock();

        public DiskError Read(long offset, Span<byte> destination, out int count)
        {
            count = 0;
            return disk.Judge(nameof(Read), path, offset, destination.Length)?.Error ?? inner.Read(offset, destination, out count);
        }

        public void Dispose() => inner.Dispose();

        private static int Total(ReadOnlySpan<IoSlice> slices)
        {
            var total = 0;
            foreach (var slice in slices) total += slice.Length;
            return total;
        }

        private static IoSlice[] FirstHalf(ReadOnlySpan<IoSlice> slices)
        {
            var left = Total(slices) / 2;
            var half = new List<IoSlice>();
            foreach (var slice in slices)
            {
                var taken = Math.Min(left, slice.Length);
                if (taken > 0) half.Add(new IoSlice(slice.Pointer, taken));
                left -= taken;
            }

            return [.. half];
        }
    }
}
