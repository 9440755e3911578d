namespace Tempo.Engine.Foundation;

/// <summary>The errno values that <see cref="PosixDisk"/> tells apart (Linux), and what each comes to.</summary>
internal static class PosixError
{
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int Exists = 17;

    private const int NotPermitted = 1;
    private const int WouldBlock = 11;
    private const int AccessDenied = 13;
    private const int NoSpace = 28;
    private const int ReadOnlyFileSystem = 30;
    private const int QuotaExceeded = 122;

    public static DiskError ToDiskError(int errno) => errno switch
    {
        NoEntry => DiskError.NotFound,
        NoSpace or QuotaExceeded => DiskError.Full,
        ReadOnlyFileSystem or AccessDenied or NotPermitted => DiskError.ReadOnly,
        WouldBlock => DiskError.Busy,
        _ => DiskError.Failed,
    };
}
