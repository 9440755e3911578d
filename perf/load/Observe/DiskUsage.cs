namespace Tempo.Perf.Load.Observe;

/// <summary>Lengths of the files below a folder: the blocks' Parquet files, and everything else (WAL, indexes, blooms, metadata).</summary>
internal readonly record struct DiskUsage(long ParquetBytes, long OtherBytes, int FileCount)
{
    public long TotalBytes => ParquetBytes + OtherBytes;

    /// <summary>Files that disappear while counting are left out; a folder that does not exist is empty.</summary>
    public static DiskUsage Of(string folder)
    {
        long parquetBytes = 0, otherBytes = 0;
        int fileCount = 0;
        var everything = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = 0 };
        if (!Directory.Exists(folder)) return default;
        foreach (FileInfo file in new DirectoryInfo(folder).EnumerateFiles("*", everything))
        {
            long length;
            try
            {
                length = file.Length;
            }
            catch (FileNotFoundException)
            {
                continue;
            }
            fileCount++;
            if (file.Extension == ".parquet") parquetBytes += length;
            else otherBytes += length;
        }
        return new DiskUsage(parquetBytes, otherBytes, fileCount);
    }
}
