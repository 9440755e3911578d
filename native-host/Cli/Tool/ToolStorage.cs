using Tempo.Engine.Foundation;
using Tempo.Engine.ObjectStore;
using Tempo.Host.Config;

namespace Tempo.Host.Cli.Tool;

/// <summary>
/// Where a verb finds its blocks: in a folder (<c>--path</c>), or where the configuration of a server says (<c>--config.file</c>), whose
/// <c>storage.trace</c> names a folder or a bucket. <c>--backend</c>, <c>--bucket</c> and their like change what it says, or stand alone.
/// </summary>
internal static class ToolStorage
{
    /// <summary>Options and the configuration keys that they mean, for each service that has one.</summary>
    private static readonly (string Option, string[] Keys)[] Settings =
    [
        ("backend", ["storage.trace.backend"]),
        ("bucket", ["storage.trace.s3.bucket", "storage.trace.gcs.bucket_name", "storage.trace.azure.container_name"]),
        ("prefix", ["storage.trace.s3.prefix", "storage.trace.gcs.prefix", "storage.trace.azure.prefix"]),
        ("s3-endpoint", ["storage.trace.s3.endpoint"]),
        ("s3-user", ["storage.trace.s3.access_key"]),
        ("s3-pass", ["storage.trace.s3.secret_key"]),
        ("s3-insecure", ["storage.trace.s3.insecure"]),
        ("azure-account", ["storage.trace.azure.storage_account_name"]),
        ("azure-key", ["storage.trace.azure.storage_account_key"]),
    ];

    public static IReadOnlyList<string> Options =>
        ["path", "config.file", "config-file", "config.expand-env", .. Settings.Select(static setting => setting.Option)];

    /// <summary>Opens it; what is opened may have to be disposed. Throws <see cref="ToolException"/>.</summary>
    public static (IObjectStore Objects, BlocksPlace Place) Open(ToolArguments arguments)
    {
        var options = new HostOptions();
        try
        {
            Read(arguments, options);
            if (arguments.Option("path").Length == 0 && StorageKeys.Resolve(options) is { } remote)
                return (remote.Open(TimeProvider.System), new BlocksPlace("the bucket", "", remote.CacheBytes));
        }
        catch (ConfigException e)
        {
            throw new ToolException(e.Message);
        }

        var path = arguments.Option("path", options.Node.BlocksPath);
        return Directory.Exists(path)
            ? (LocalObjectStore.Open(path), new BlocksPlace(path, path, 0))
            : throw new ToolException($"--path {path}: there is no such folder");
    }

    private static void Read(ToolArguments arguments, HostOptions options)
    {
        var file = arguments.Option("config.file", arguments.Option("config-file"));
        if (file.Length > 0) ConfigFile.Load(file, arguments.Option("config.expand-env") == "true", options);
        foreach (var (option, keys) in Settings)
        {
            if (arguments.Option(option) is not { Length: > 0 } value) continue;
            foreach (var key in keys)
                if (((ConfigScalar)ConfigSchema.Find(key)!).Set(options, value) is { } error)
                    throw new ToolException($"--{option}: {error}");
        }
    }
}

/// <summary>What is to be known of the place beside its objects.</summary>
/// <param name="Name">What an error calls it.</param>
/// <param name="Folder">Where they are files; "" where they are not.</param>
/// <param name="CacheBytes">Memory for parts of blocks that were read; 0: they are files.</param>
internal readonly record struct BlocksPlace(string Name, string Folder, long CacheBytes);
