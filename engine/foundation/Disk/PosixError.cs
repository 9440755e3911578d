namespace Tempo.Engine.Foundation;

/// <summary>The errno values that <see cref="PosixDisk"/> tells apart (Linux), and what each comes to.</summary>
internal static class PosixError
{
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int Exists = 17;
    public const int NotFolder = 20;

    private const int NotPermitted = 1;
    private const int WouldBlock = 11;
    private const int AccessDenied = 13;
    private const int CrossDevice = 18;
    private const int IsFolder = 21;
    private const int NoSpace = 28;
    private const int ReadOnlyFileSystem = 30;
    private const int NotEmpty = 39;
    private const int QuotaExceeded = 122;

    public static DiskError ToDiskError(int errno) => errno switch
    {
        NoEntry => DiskError.NotFound,
        NoSpace or QuotaExceeded => DiskError.Full,
        ReadOnlyFileSystem => DiskError.ReadOnly,
        AccessDenied or NotPermitted => DiskError.NotPermitted,
        WouldBlock => DiskError.Busy,
        Exists => DiskError.Exists,
        NotEmpty => DiskError.NotEmpty,
        IsFolder => DiskError.IsFolder,
        NotFolder => DiskError.NotFolder,
        CrossDevice => DiskError.OtherDisk,
        _ => DiskError.Failed,
    };
}
