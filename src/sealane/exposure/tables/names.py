"""Common names of the world, to know a column of names without a header, and a name in running text.

Public-domain frequency lists (United States census) and the commonest names of other countries, typed by hand. A list
of names never decides alone: it is enough that some part of a column is in it.
"""

from __future__ import annotations

from typing import Final

GIVEN: Final = frozenset(
    """
    james mary robert patricia john jennifer michael linda david elizabeth william barbara richard susan joseph jessica
    thomas sarah charles karen christopher lisa daniel nancy matthew betty anthony margaret mark sandra donald ashley
    steven kimberly paul emily andrew donna joshua michelle kenneth carol kevin amanda brian dorothy george melissa
    timothy deborah ronald stephanie edward rebecca jason sharon jeffrey laura ryan cynthia jacob kathleen gary amy
    nicholas angela eric shirley jonathan anna stephen brenda larry pamela justin emma scott nicole brandon helen
    benjamin samantha samuel katherine gregory christine alexander debra frank rachel patrick carolyn raymond janet
    jack catherine dennis maria jerry heather tyler diane aaron ruth jose julie adam olivia nathan joyce henry virginia
    douglas victoria zachary kelly peter lauren kyle christina ethan joan walter evelyn noah judith jeremy megan
    christian andrea keith cheryl roger hannah terry jacqueline gerald martha harold gloria sean teresa austin ann carl
    sara arthur madison lawrence frances dylan kathryn jesse janice jordan jean bryan abigail billy alice joe julia
    bruce judy gabriel sophia logan grace albert denise willie amber alan doris juan marilyn wayne danielle elijah
    beverly randy isabella roy theresa vincent diana ralph natalie eugene brittany russell charlotte bobby marie mason
    kayla philip alexis louis lori todd tammy craig crystal shawn tracy carlos erin luis miguel antonio angel jorge
    pedro manuel francisco alejandro ricardo fernando sofia valentina camila lucia elena carmen rosa ana juana isabel
    mohamed mohammed muhammad ahmed ali omar hassan ibrahim yusuf khalid fatima aisha mariam zainab layla amina noor
    wei fang li jing min lei yan hong jun xin yu chen ming hiroshi yuki kenji sakura haruto yui takashi akira naoko
    raj priya amit anita sanjay sunita vijay deepa rahul pooja arjun kavita suresh lakshmi ravi anjali vikram neha
    hans klaus jurgen wolfgang ursula monika sabine stefan andreas petra lukas leon finn mia lena lea jan anja
    pierre francois michel claude jacques marcel sylvie nathalie isabelle camille chloe manon lucas hugo louise
    giovanni giuseppe marco luca francesca giulia paolo alessandro matteo chiara sven lars erik ingrid astrid bjorn
    anders nils freja ola kari ivan dmitri sergei vladimir olga natasha svetlana tatiana alexei mikhail yelena pavel
    katarzyna piotr agnieszka krzysztof anna magdalena tomasz jose joao paulo pedro ines beatriz rafael bruno thiago
    nguyen linh minh anh thuy hoa lan duc siti budi putri agus dewi kwame kofi ama abena chinedu ngozi emeka amara
    tunde oluwaseun thabo sipho lerato nia jamal lamar tyrone latoya keisha ebony deshawn oscar ruben hector sergio
    eduardo raul javier diego martin nina eva clara ida ella max felix paula simon tim tom ben sam dan bob bill jim mike
    steve dave chris matt nick tony joel ian neil colin graham trevor nigel fiona siobhan liam connor aiden owen rhys
    gareth megan bethany harriet imogen poppy freya isla lily ava zoe riley avery harper aria luna stella hazel violet
    aurora savannah audrey brooklyn bella claire skylar lucy paisley everly caroline genesis kennedy kinsley allison
    maya willow naomi aaliyah gabriella ruby alexa ariana eliana sadie hailey jasmine gianna
    wanda phyllis norma paula diana lillian emily robin peggy crystal gladys rita dawn connie florence tiffany edna
    carmen rosa cindy grace wendy edith josephine thelma lucille marvin leonard clarence howard ernest stanley norman
    glenn earl clifford alfred theodore melvin calvin leroy lester herbert bernard leo edwin alvin gordon dean leslie
    """.split()  # noqa: SIM905  a list to read
)
FAMILY: Final = frozenset(
    """
    smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson
    thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson walker young
    allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera campbell mitchell carter
    roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris morales murphy cook rogers
    gutierrez ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward richardson watson brooks chavez
    wood james bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers long ross foster jimenez
    powell jenkins perry russell sullivan bell coleman butler henderson barnes gonzales fisher vasquez simmons romero
    jordan patterson alexander hamilton graham reynolds griffin wallace moreno west cole hayes bryant herrera gibson
    ellis tran medina aguilar stevens murray ford castro marshall owens harrison fernandez mcdonald woods washington
    kennedy wells vargas henry chen freeman webb tucker guzman burns crawford olson simpson porter hunter gordon mendez
    silva shaw snyder mason dixon munoz hunt hicks holmes palmer wagner black robertson boyd rose stone salazar fox
    warren mills meyer rice schmidt garza daniels ferguson nichols stephens soto weaver ryan gardner payne grant dunn
    kelley spencer hawkins arnold pierce hansen peters santos hart bradley knight elliott cunningham duncan armstrong
    hudson carroll lane riley andrews alvarado ray delgado berry perkins hoffman johnston matthews pena richards
    contreras willis carpenter lawrence sandoval guerrero george chapman rios estrada ortega watkins greene nunez
    wheeler valdez harper burke larson santiago maldonado morrison franklin carlson austin dominguez carr lawson jacobs
    obrien lynch singh vega bishop montgomery oliver jensen harvey williamson gilbert dean sims espinoza howell li wong
    reid hanson le mccoy garrett burton fuller wang weber welch rojas lucas marquez fields park yang little banks
    padilla
    day walsh bowman schultz luna fowler mejia muller schneider fischer becker schulz koch bauer richter klein wolf
    schroder neumann schwarz zimmermann braun kruger hofmann hartmann lange werner krause lehmann kohler dubois durand
    leroy moreau simon laurent lefebvre michel bertrand roux fournier girard bonnet rossi russo ferrari esposito bianchi
    romano colombo ricci marino greco conti deluca costa jansen devries bakker visser smit meijer mulder bos vos peeters
    janssens maes andersson johansson karlsson nilsson eriksson larsson olsson persson hansen johansen olsen larsen
    pedersen nielsen christensen ivanov smirnov kuznetsov popov sokolov petrov volkov novak svoboda kowalski nowak
    wisniewski wojcik kaminski nagy kovacs horvath toth szabo popescu ionescu papadopoulos oliveira souza pereira
    ferreira almeida carvalho gomes ribeiro sato suzuki takahashi tanaka watanabe ito yamamoto nakamura kobayashi
    kato zhang liu
    zhao huang zhou wu xu sun ma zhu hu guo lin he gao luo choi jung kang cho yoon jang lim sharma kumar gupta verma
    reddy rao shah mehta joshi iyer nair das bose khan ahmed ali hussain malik akhtar hassan rahman islam begum okafor
    okeke adeyemi mensah owusu asante nkosi dlamini mohamed abdi ibrahim osman pham hoang phan vu vo dang bui do ho ngo
    santos reyes cruz bautista ocampo garcia delacruz mcdonald macdonald oconnor oneill obrien byrne doyle gallagher doe
    """.split()  # noqa: SIM905  a list to read
)
