namespace Tempo.Host.Grpc.Reflection;

/// <summary>A .proto file as it was read.</summary>
/// <param name="Name">By which other files import it.</param>
internal sealed record ProtoFile(string Name)
{
    public string Package { get; set; } = "";
    public List<string> Imports { get; } = [];
    public List<ProtoMessage> Messages { get; } = [];
    public List<ProtoEnum> Enums { get; } = [];
    public List<ProtoService> Services { get; } = [];
}

/// <summary>A message, with what is declared inside it.</summary>
internal sealed record ProtoMessage(string Name)
{
    public List<ProtoField> Fields { get; } = [];
    public List<string> Oneofs { get; } = [];
    public List<ProtoMessage> Messages { get; } = [];
    public List<ProtoEnum> Enums { get; } = [];

    /// <summary>Stands for the entries of a map.</summary>
    public bool IsMapEntry { get; init; }
}

/// <summary>A field.</summary>
/// <param name="Type">As written.</param>
/// <param name="Oneof">Index into the message's oneofs, -1 for none.</param>
internal sealed record ProtoField(string Name, int Number, string Type, bool IsRepeated, int Oneof);

internal sealed record ProtoEnum(string Name)
{
    public List<(string Name, int Number)> Values { get; } = [];
}

internal sealed record ProtoService(string Name)
{
    public List<ProtoMethod> Methods { get; } = [];
}

/// <summary>A method; types as written.</summary>
internal sealed record ProtoMethod(string Name, string Input, bool IsInputStream, string Output, bool IsOutputStream);
