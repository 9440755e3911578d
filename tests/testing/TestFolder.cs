namespace Tempo.Testing;

/// <summary>Folders for tests that write many small files and sync each.</summary>
public static class TestFolder
{
    private const string InMemory = "/dev/shm";

    /// <summary>
    /// A new folder, in memory where the system has a place for that: what a sync costs a disk is nothing that these tests ask, and
    /// was half of their time. The caller deletes it.
    /// </summary>
    public static string Create(string prefix)
    {
        if (!Directory.Exists(InMemory)) return Directory.CreateTempSubdirectory(prefix).FullName;
        var path = Path.Combine(InMemory, prefix + Guid.NewGuid().ToString("N"));
        return Directory.CreateDirectory(path).FullName;
    }
}
